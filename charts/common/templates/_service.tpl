{{- /*
A service whole: every object of it. The values are checked first, so that a mistake gets one sentence and no manifest.
*/}}

{{- define "common.objects" -}}
{{- include "common.validate" . }}
{{- include (printf "%s.validate" .Chart.Name) . }}
{{- range list "serviceaccount" "secret" "service" "metricsService" "deployment" "pdb" "hpa" "networkpolicy" "ingress" "httproute" "servicemonitor" "testPolicy" "test" }}
---
{{ include (print "common." .) $ }}
{{- end }}
{{- end }}

{{- /* Stops with one sentence. Takes (list context path sentence); the sentence follows the value's full path. */}}
{{- define "common.refuse" -}}
{{- fail (printf "%s %s" (include "common.path" (list (index . 0) (index . 1))) (index . 2)) }}
{{- end }}

{{- define "common.validate" -}}
{{- range $variable, $source := include (printf "%s.secrets" .Chart.Name) . | fromYaml }}
{{- if and $source.value $source.existingSecret }}
{{- include "common.refuse" (list $ $source.path (printf "is given both as a value and as existingSecret %q: choose one." $source.existingSecret)) }}
{{- end }}
{{- end }}
{{- with .Values.autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
{{- include "common.refuse" (list $ "autoscaling.minReplicas" (printf "is %v, above maxReplicas %v." .minReplicas .maxReplicas)) }}
{{- end }}
{{- if and .enabled (not (dig "requests" "cpu" "" $.Values.resources)) }}
{{- include "common.refuse" (list $ "autoscaling.enabled" "needs resources.requests.cpu: the autoscaler measures against it.") }}
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- include "common.refuse" (list $ "ingress.hosts" "is empty: an Ingress needs at least one host, which also becomes an allowed Host header.") }}
{{- end }}
{{- if .Values.httpRoute.enabled }}
{{- range $key, $why := dict "hostnames" "a host, which also becomes an allowed Host header" "parentRefs" "the Gateway that it attaches to" }}
{{- if not (index $.Values.httpRoute $key) }}
{{- include "common.refuse" (list $ (print "httpRoute." $key) (printf "is empty: an HTTPRoute needs %s." $why)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") }}
{{- include "common.refuse" (list $ "service.nodePort" "needs service.type NodePort or LoadBalancer.") }}
{{- end }}
{{- $own := dict }}
{{- range include "common.ownEnv" . | fromYamlArray }}{{ $_ := set $own .name true }}{{ end }}
{{- range .Values.extraEnv }}
{{- if hasKey $own .name }}
{{- include "common.refuse" (list $ "extraEnv" (printf "sets %s, which has a value of its own in this chart." .name)) }}
{{- end }}
{{- end }}
{{- end }}
