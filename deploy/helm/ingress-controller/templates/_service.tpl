{{/* A Service in front of the controller: root, name, values (controller.service or .internal), labels. */}}
{{- define "ingress.service" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $common := $root.Values.controller.service -}}
{{- $type := default $common.type $values.type -}}
{{- $nodePorts := has $type (list "NodePort" "LoadBalancer") -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ include "ingress.namespace" $root }}
  labels:
    {{- include "ingress.controller.labels" $root | nindent 4 }}
    {{- range .labels }}
    {{- with . }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- end }}
  {{- with $values.annotations }}
  annotations:
    {{- range $key, $value := . }}
    {{ $key }}: {{ tpl (include "ingress.scalar" $value) $root | quote }}
    {{- end }}
  {{- end }}
spec:
  type: {{ $type }}
  {{- $fields := list "clusterIP" "loadBalancerIP" "loadBalancerClass" "externalTrafficPolicy" "sessionAffinity" "trafficDistribution" "ipFamilyPolicy" }}
  {{- range $field := $fields }}
  {{- with index $values $field }}
  {{ $field }}: {{ . | quote }}
  {{- end }}
  {{- end }}
  {{- range $field := list "clusterIPs" "externalIPs" "loadBalancerSourceRanges" "ipFamilies" }}
  {{- with index $values $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- if hasKey $values "allocateLoadBalancerNodePorts" }}
  allocateLoadBalancerNodePorts: {{ $values.allocateLoadBalancerNodePorts }}
  {{- end }}
  {{- with $values.healthCheckNodePort }}
  healthCheckNodePort: {{ . | int64 }}
  {{- end }}
  selector:
    {{- include "ingress.controller.selector" $root | nindent 4 }}
  ports:
    {{- range $scheme := list "http" "https" }}
    {{- if index $common (printf "enable%s" (title $scheme)) }}
    - name: {{ $scheme }}
      port: {{ default (index $common.ports $scheme) (index ($values.ports | default dict) $scheme) | int64 }}
      targetPort: {{ include "ingress.target" (default (index $common.targetPorts $scheme) (index ($values.targetPorts | default dict) $scheme)) }}
      protocol: TCP
      {{- if $values.appProtocol }}
      appProtocol: {{ $scheme }}
      {{- end }}
      {{- if and $nodePorts (index $values.nodePorts $scheme) }}
      nodePort: {{ index $values.nodePorts $scheme | int64 }}
      {{- end }}
    {{- end }}
    {{- end }}
    {{- if and $common.enableHttps (include "ingress.http3" $root) }}
    - name: http3
      port: {{ default $common.ports.https ($values.ports | default dict).https | int64 }}
      targetPort: http3
      protocol: UDP
    {{- end }}
    {{- range $protocol := list "tcp" "udp" }}
    {{- range $port, $_ := index $root.Values $protocol }}
    {{- $name := include "ingress.streamPort" (dict "root" $root "port" $port "protocol" $protocol) }}
    - name: {{ $name }}
      port: {{ $port }}
      targetPort: {{ $name }}
      protocol: {{ upper $protocol }}
      {{- with index (index $values.nodePorts $protocol | default dict) $port }}
      nodePort: {{ . | int64 }}
      {{- end }}
    {{- end }}
    {{- end }}
{{- end -}}

{{/* A target port: a number, or the name of a container port. */}}
{{- define "ingress.target" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ int64 . }}{{ end -}}
{{- end -}}

{{/* A Service with one port: root, name, values, labels, selector, port. */}}
{{- define "ingress.plainService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ include "ingress.namespace" .root }}
  labels:
    {{- .labels | nindent 4 }}
    {{- with .values.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .values.type }}
  {{- $values := .values }}
  {{- range $field := list "clusterIP" "loadBalancerIP" "externalTrafficPolicy" }}
  {{- with index $values $field }}
  {{ $field }}: {{ . | quote }}
  {{- end }}
  {{- end }}
  {{- range $field := list "clusterIPs" "externalIPs" "loadBalancerSourceRanges" }}
  {{- with index $values $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  selector:
    {{- .selector | nindent 4 }}
  ports:
    - name: {{ .port.name }}
      port: {{ .values.servicePort | int64 }}
      targetPort: {{ .port.targetPort }}
      protocol: TCP
      {{- with .port.appProtocol }}
      appProtocol: {{ . }}
      {{- end }}
      {{- with .values.nodePort }}
      nodePort: {{ . | int64 }}
      {{- end }}
{{- end -}}
