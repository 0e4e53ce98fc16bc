{{/*
What existing values may ask for and this version does not serve. Two kinds:
  refused: it would break the pod, close all paths, or let through what should not pass. Stops the installation unless acceptUnserved
           is set.
  noted:   NOTES.txt lists it.
What is served later leaves these lists.
*/}}

{{/* Flags that the controller does not have. */}}
{{- define "ingress.unservedFlags" -}}
{{- list
  "enable-ssl-chain-completion" "enable-topology-aware-routing" "maxmind-edition-ids" "maxmind-license-key" "maxmind-mirror"
  "maxmind-retries-count" "maxmind-retries-timeout" | toJson -}}
{{- end -}}

{{/*
ConfigMap keys that keep somebody out, with which the controller answers everything 503 rather than let it pass; and nginx directives,
which are never run.
*/}}
{{- define "ingress.unservedKeys" -}}
{{- list
  "block-cidrs" "block-referers" "block-user-agents" "denylist-source-range" "enable-modsecurity" "global-auth-url" "http-snippet"
  "location-snippet" "main-snippet" "server-snippet" "stream-snippet" "whitelist-source-range" | toJson -}}
{{- end -}}

{{- define "ingress.refused" -}}
{{- $values := .Values.controller -}}
{{- $found := list -}}
{{- range include "ingress.unservedFlags" . | fromJsonArray -}}
{{- if and (hasKey $values.extraArgs .) (ne (toString (index $values.extraArgs .)) "false") -}}
{{- $found = append $found (printf "controller.extraArgs.%s: this version has no such flag; remove it" .) -}}
{{- end -}}
{{- end -}}
{{- range include "ingress.unservedKeys" . | fromJsonArray -}}
{{- if and (hasKey $values.config .) (not (has (toString (index $values.config .)) (list "" "false"))) -}}
{{- $found = append $found (printf "controller.config.%s: not served by this version; a key that keeps somebody out would close all paths (503)" .) -}}
{{- end -}}
{{- end -}}
{{- if $values.image.chroot -}}
{{- $found = append $found "controller.image.chroot: there is no such image, this one holds nothing but the program; remove it" -}}
{{- end -}}
{{- if ($values.customTemplate | default dict).configMapName -}}
{{- $found = append $found "controller.customTemplate: there is no configuration file to template; use typed keys and annotations" -}}
{{- end -}}
{{- if $values.extraModules -}}
{{- $found = append $found "controller.extraModules: there is no nginx to load them; remove it" -}}
{{- end -}}
{{- with dig "preStop" "exec" "command" list ($values.lifecycle | default dict) -}}
{{- if ne (toString (last .)) "/wait-shutdown" -}}
{{- $found = append $found "controller.lifecycle.preStop.exec: the image has no shell; remove it, SIGTERM drains (or use preStop.sleep)" -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The hooks that the pod can run. */}}
{{- define "ingress.lifecycle" -}}
{{- $hooks := deepCopy (.Values.controller.lifecycle | default dict) -}}
{{- if dig "preStop" "exec" "" $hooks -}}{{- $hooks = omit $hooks "preStop" -}}{{- end -}}
{{- with $hooks -}}{{ toYaml . }}{{- end -}}
{{- end -}}

{{- define "ingress.noted" -}}
{{- $values := .Values.controller -}}
{{- $found := list -}}
{{- if $values.allowSnippetAnnotations -}}
{{- $found = append $found "controller.allowSnippetAnnotations: snippets are never served; an Ingress with one is answered 503 and has an event" -}}
{{- end -}}
{{- if or $values.addHeaders $values.proxySetHeaders -}}
{{- $found = append $found "controller.addHeaders, controller.proxySetHeaders: these headers are not set yet" -}}
{{- end -}}
{{- if $values.enableTopologyAwareRouting -}}
{{- $found = append $found "controller.enableTopologyAwareRouting: all endpoints are used" -}}
{{- end -}}
{{- if $values.maxmindLicenseKey -}}
{{- $found = append $found "controller.maxmindLicenseKey: GeoIP is not served" -}}
{{- end -}}
{{- if dig "enabled" false ($values.opentelemetry | default dict) -}}
{{- $found = append $found "controller.opentelemetry: tracing is not served yet" -}}
{{- end -}}
{{- if .Values.dhParam -}}
{{- $found = append $found "dhParam: key exchange with finite fields is not offered, elliptic curves are; the value is not used" -}}
{{- end -}}
{{- if .Values.acceptUnserved -}}
{{- range include "ingress.refused" . | fromJsonArray -}}
{{- $found = append $found . -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}
