{{/*
The pod template of Deployment and DaemonSet. Its labels are the same in each version of the chart: replicas know each other by them, also
while one version replaces another, and the last one empties the status of Ingresses.
*/}}
{{- define "ingress.pod" -}}
{{- $values := .Values.controller -}}
metadata:
  labels:
    {{- include "ingress.controller.selector" . | nindent 4 }}
    app.kubernetes.io/part-of: {{ include "ingress.name" . }}
    {{- range list .Values.commonLabels $values.labels $values.podLabels }}
    {{- with . }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- end }}
  {{- with $values.podAnnotations }}
  annotations:
    {{- range $key, $value := . }}
    {{ $key }}: {{ include "ingress.scalar" $value | quote }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "ingress.serviceAccount" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automountServiceAccountToken }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds | int64 }}
  dnsPolicy: {{ $values.dnsPolicy }}
  {{- if $values.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if $values.shareProcessNamespace }}
  shareProcessNamespace: true
  {{- end }}
  {{- range $field := list "hostname" "priorityClassName" "runtimeClassName" }}
  {{- with index $values $field }}
  {{ $field }}: {{ . | quote }}
  {{- end }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if or $values.podSecurityContext $values.sysctls }}
  securityContext:
    {{- with $values.podSecurityContext }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $values.sysctls }}
    sysctls:
      {{- range $name, $value := . }}
      - name: {{ $name | quote }}
        value: {{ include "ingress.scalar" $value | quote }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- range $field := list "dnsConfig" "hostAliases" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
  {{- with index $values $field }}
  {{ $field }}:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with $values.extraInitContainers }}
  initContainers:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    {{- include "ingress.container" . | nindent 4 }}
    {{- with $values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or $values.admissionWebhooks.enabled $values.extraVolumes }}
  volumes:
    {{- if $values.admissionWebhooks.enabled }}
    {{- $manager := $values.admissionWebhooks.certManager.enabled }}
    - name: webhook-cert
      secret:
        secretName: {{ include "ingress.webhook" . }}
        items:
          - key: {{ ternary "tls.crt" "cert" $manager }}
            path: cert
          - key: {{ ternary "tls.key" "key" $manager }}
            path: key
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "ingress.container" -}}
{{- $values := .Values.controller -}}
- name: {{ $values.containerName }}
  image: {{ include "ingress.image" (dict "root" . "image" $values.image "tag" .Chart.AppVersion) | quote }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  args:
    {{- include "ingress.args" . | trim | nindent 4 }}
  env:
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: POD_NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    {{- with $values.extraEnvs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    {{- include "ingress.containerPorts" . | trim | nindent 4 }}
  {{- range $field := list "startupProbe" "livenessProbe" "readinessProbe" "resources" "resizePolicy" }}
  {{- with index $values $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with include "ingress.lifecycle" . }}
  lifecycle:
    {{- . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "ingress.securityContext" (dict "image" $values.image "override" $values.containerSecurityContext "add" (list "NET_BIND_SERVICE")) | nindent 4 }}
  {{- if or $values.admissionWebhooks.enabled $values.extraVolumeMounts }}
  volumeMounts:
    {{- if $values.admissionWebhooks.enabled }}
    - name: webhook-cert
      mountPath: /usr/local/certificates/
      readOnly: true
    {{- end }}
    {{- with $values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "ingress.containerPorts" -}}
{{- $values := .Values.controller -}}
{{- range $name, $port := $values.containerPort }}
- name: {{ $name }}
  containerPort: {{ $port | int64 }}
  protocol: TCP
  {{- if $values.hostPort.enabled }}
  hostPort: {{ index $values.hostPort.ports $name | default $port | int64 }}
  {{- end }}
{{- end }}
{{- if include "ingress.http3" . }}
- name: http3
  containerPort: {{ $values.containerPort.https | int64 }}
  protocol: UDP
  {{- if $values.hostPort.enabled }}
  hostPort: {{ $values.hostPort.ports.https | default $values.containerPort.https | int64 }}
  {{- end }}
{{- end }}
{{- if $values.metrics.enabled }}
- name: {{ $values.metrics.portName }}
  containerPort: {{ $values.metrics.port | int64 }}
  protocol: TCP
{{- end }}
{{- if $values.admissionWebhooks.enabled }}
- name: webhook
  containerPort: {{ $values.admissionWebhooks.port | int64 }}
  protocol: TCP
{{- end }}
{{- range $protocol := list "tcp" "udp" }}
{{- range $port, $_ := index $.Values $protocol }}
- name: {{ include "ingress.streamPort" (dict "root" $ "port" $port "protocol" $protocol) }}
  containerPort: {{ $port }}
  protocol: {{ upper $protocol }}
  {{- if $values.hostPort.enabled }}
  hostPort: {{ $port }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}
