{{/* Names and labels: those of the ingress-nginx chart, see Chart.yaml. */}}

{{- define "ingress.name" -}}
{{- default "ingress-nginx" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "ingress.fullname" -}}
{{- $name := include "ingress.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "ingress.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/* Deployment or DaemonSet, Service and ConfigMap. */}}
{{- define "ingress.controller" -}}
{{- printf "%s-%s" (include "ingress.fullname" .) .Values.controller.name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Secret and configuration of the webhook. */}}
{{- define "ingress.webhook" -}}
{{- printf "%s-%s" (include "ingress.fullname" .) .Values.controller.admissionWebhooks.name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "ingress.webhookService" -}}
{{- printf "%s-admission" (include "ingress.controller" .) -}}
{{- end -}}

{{- define "ingress.defaultBackend" -}}
{{- printf "%s-%s" (include "ingress.fullname" .) .Values.defaultBackend.name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "ingress.election" -}}
{{- default (printf "%s-leader" (include "ingress.fullname" .)) .Values.controller.electionID -}}
{{- end -}}

{{- define "ingress.serviceAccount" -}}
{{- default (.Values.serviceAccount.create | ternary (include "ingress.fullname" .) "default") .Values.serviceAccount.name -}}
{{- end -}}

{{- define "ingress.defaultBackend.serviceAccount" -}}
{{- $own := printf "%s-backend" (include "ingress.fullname" .) -}}
{{- default (.Values.defaultBackend.serviceAccount.create | ternary $own "default") .Values.defaultBackend.serviceAccount.name -}}
{{- end -}}

{{/* The namespace whose objects are served, if scope is on. */}}
{{- define "ingress.watched" -}}
{{- default (include "ingress.namespace" .) .Values.controller.scope.namespace -}}
{{- end -}}

{{/* "true" if HTTP/3 is served: on the ports of HTTPS, over UDP. */}}
{{- define "ingress.http3" -}}
{{- if eq (toString (index .Values.controller.config "use-http3")) "true" -}}true{{- end -}}
{{- end -}}

{{- define "ingress.selector" -}}
app.kubernetes.io/name: {{ include "ingress.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ingress.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "ingress.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "ingress.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of the controller's objects. */}}
{{- define "ingress.controller.labels" -}}
{{ include "ingress.labels" . }}
app.kubernetes.io/component: controller
{{- with .Values.controller.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ingress.controller.selector" -}}
{{ include "ingress.selector" . }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "ingress.defaultBackend.labels" -}}
{{ include "ingress.labels" . }}
app.kubernetes.io/component: default-backend
{{- with .Values.defaultBackend.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ingress.defaultBackend.selector" -}}
{{ include "ingress.selector" . }}
app.kubernetes.io/component: default-backend
{{- end -}}

{{/* Name of the port of a TCP or UDP service: root, port, protocol. */}}
{{- define "ingress.streamPort" -}}
{{- with .root.Values.portNamePrefix }}{{ . }}-{{ end }}{{ .port }}-{{ .protocol }}
{{- end -}}
