{{/* Flags of the controller. */}}
{{- define "ingress.args" -}}
{{- $values := .Values.controller -}}
{{- $extra := $values.extraArgs -}}
{{- range include "ingress.unservedFlags" . | fromJsonArray }}{{ $extra = omit $extra . }}{{ end -}}
{{- if .Values.defaultBackend.enabled }}
- --default-backend-service=$(POD_NAMESPACE)/{{ include "ingress.defaultBackend" . }}
{{- end }}
{{- with include "ingress.publishService" . }}
- --publish-service={{ . }}
{{- end }}
- --election-id={{ include "ingress.election" . }}
{{- with $values.electionTTL }}
- --election-ttl={{ . }}
{{- end }}
{{- if $values.disableLeaderElection }}
- --disable-leader-election=true
{{- end }}
- --controller-class={{ $values.ingressClassResource.controllerValue }}
{{- with $values.ingressClass }}
- --ingress-class={{ . }}
{{- end }}
{{- if $values.ingressClassByName }}
- --ingress-class-by-name=true
{{- end }}
{{- if $values.watchIngressWithoutClass }}
- --watch-ingress-without-class=true
{{- end }}
- --configmap={{ default "$(POD_NAMESPACE)" $values.configMapNamespace }}/{{ include "ingress.controller" . }}
{{- if .Values.tcp }}
- --tcp-services-configmap={{ default "$(POD_NAMESPACE)" $values.tcp.configMapNamespace }}/{{ include "ingress.fullname" . }}-tcp
{{- end }}
{{- if .Values.udp }}
- --udp-services-configmap={{ default "$(POD_NAMESPACE)" $values.udp.configMapNamespace }}/{{ include "ingress.fullname" . }}-udp
{{- end }}
{{- if $values.scope.enabled }}
- --watch-namespace={{ default "$(POD_NAMESPACE)" $values.scope.namespace }}
{{- else if $values.scope.namespaceSelector }}
- --watch-namespace-selector={{ $values.scope.namespaceSelector }}
{{- end }}
{{- if and $values.reportNodeInternalIp $values.hostNetwork }}
- --report-node-internal-ip-address=true
{{- end }}
{{- if $values.admissionWebhooks.enabled }}
- --validating-webhook=:{{ $values.admissionWebhooks.port | int64 }}
- --validating-webhook-certificate={{ $values.admissionWebhooks.certificate }}
- --validating-webhook-key={{ $values.admissionWebhooks.key }}
{{- end }}
{{- if not $values.enableAnnotationValidations }}
- --enable-annotation-validation=false
{{- end }}
{{- if $values.metrics.enabled }}
- --enable-metrics=true
{{- end }}
{{- with $values.healthCheckHost }}
- --healthz-host={{ . }}
{{- end }}
{{- if ne $values.healthCheckPath "/healthz" }}
- --health-check-path={{ $values.healthCheckPath }}
{{- end }}
{{- if not (hasKey $extra "shutdown-grace-period") }}
- --shutdown-grace-period=10
{{- end }}
{{- range $flag, $value := $extra }}
{{- $text := include "ingress.scalar" $value }}
- --{{ $flag }}{{ if ne $text "" }}={{ $text }}{{ end }}
{{- end }}
{{- end -}}

{{/* The Service whose addresses go into the status of Ingresses; empty if there is none. */}}
{{- define "ingress.publishService" -}}
{{- $service := .Values.controller.service -}}
{{- if and .Values.controller.publishService.enabled $service.enabled (or $service.external.enabled $service.internal.enabled) -}}
{{- $own := printf "$(POD_NAMESPACE)/%s%s" (include "ingress.controller" .) (ternary "" "-internal" $service.external.enabled) -}}
{{- default $own .Values.controller.publishService.pathOverride -}}
{{- end -}}
{{- end -}}

{{/* A value as text: YAML's numbers arrive as floats, and 1048576 must not become 1.048576e+06. */}}
{{- define "ingress.scalar" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else if kindIs "invalid" . -}}
{{- else -}}
{{ toString . }}
{{- end -}}
{{- end -}}
