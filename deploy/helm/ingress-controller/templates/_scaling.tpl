{{/* A disruption budget, if there is more than one replica: root, name, values, replicas, labels, selector. */}}
{{- define "ingress.budget" -}}
{{- if gt (int .replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ include "ingress.namespace" .root }}
  labels:
    {{- .labels | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- .selector | nindent 6 }}
  {{- if hasKey .values "maxUnavailable" }}
  maxUnavailable: {{ include "ingress.target" .values.maxUnavailable }}
  {{- else }}
  minAvailable: {{ include "ingress.target" .values.minAvailable }}
  {{- end }}
  {{- with .values.unhealthyPodEvictionPolicy }}
  unhealthyPodEvictionPolicy: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* An autoscaler of a Deployment: root, name, values, labels, and metrics beside CPU and memory. */}}
{{- define "ingress.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  namespace: {{ include "ingress.namespace" .root }}
  labels:
    {{- .labels | nindent 4 }}
  {{- with .values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ .values.minReplicas | int64 }}
  maxReplicas: {{ .values.maxReplicas | int64 }}
  metrics:
    {{- $values := .values }}
    {{- range $resource := list "CPU" "Memory" }}
    {{- with index $values (printf "target%sUtilizationPercentage" $resource) }}
    - type: Resource
      resource:
        name: {{ lower $resource }}
        target:
          type: Utilization
          averageUtilization: {{ . | int64 }}
    {{- end }}
    {{- end }}
    {{- with .metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .values.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
