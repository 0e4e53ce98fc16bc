{{/* Reference of an image: root, image, tag (if the image names none). */}}
{{- define "ingress.image" -}}
{{- $registry := default .root.Values.global.image.registry .image.registry -}}
{{- $name := default (ternary (printf "%s/%s" $registry .image.image) .image.image (ne $registry "")) .image.repository -}}
{{- $name }}:{{ default .tag .image.tag }}{{ with .image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Security context of a container: image, override, capabilities to keep. */}}
{{- define "ingress.securityContext" -}}
{{- if .override -}}
{{ toYaml .override }}
{{- else -}}
runAsNonRoot: {{ .image.runAsNonRoot }}
runAsUser: {{ .image.runAsUser | int64 }}
runAsGroup: {{ .image.runAsGroup | int64 }}
allowPrivilegeEscalation: {{ .image.allowPrivilegeEscalation }}
readOnlyRootFilesystem: {{ .image.readOnlyRootFilesystem }}
{{- with .image.seccompProfile }}
seccompProfile:
  {{- toYaml . | nindent 2 }}
{{- end }}
capabilities:
  drop:
    - ALL
  {{- with .add }}
  add:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
