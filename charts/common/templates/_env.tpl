{{- /*
The environment of a service: what both take, then what the chart adds ("<chart>.env"), then the installer's extraEnv.
*/}}

{{- define "common.env" -}}
{{ include "common.ownEnv" . }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "common.ownEnv" -}}
{{- $ports := include (printf "%s.ports" .Chart.Name) . | fromYaml -}}
- name: ENVIRONMENT
  value: {{ .Values.environment }}
- name: PORT
  value: {{ $ports.http | quote }}
- name: METRICS_PORT
  value: {{ $ports.metrics | quote }}
- name: ALLOWED_HOSTS
  value: {{ include "common.allowedHosts" . | quote }}
{{- with .Values.forwardedAllowIps }}
- name: FORWARDED_ALLOW_IPS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.workers }}
- name: WEB_CONCURRENCY
  value: {{ . | quote }}
{{- end }}
- name: THREADS
  value: {{ .Values.threads | quote }}
- name: LOG_LEVEL
  value: {{ .Values.log.level }}
- name: LOG_FORMAT
  value: {{ .Values.log.format }}
{{ include "common.secretEnv" (list . "SECRET_KEY" .Values.secretKey) }}
{{ include (printf "%s.env" .Chart.Name) . | trim }}
{{- end }}

{{- /* Loopback for a port-forward, the service's DNS names, and the hosts of the routes. "*.x" is written ".x" there. */}}
{{- define "common.allowedHosts" -}}
{{- $name := include "common.fullname" . }}
{{- $namespaced := printf "%s.%s" $name .Release.Namespace }}
{{- $hosts := list "localhost" "127.0.0.1" "[::1]" $name $namespaced (print $namespaced ".svc") }}
{{- $hosts = append $hosts (printf "%s.svc.%s" $namespaced .Values.clusterDomain) }}
{{- range concat (include "common.routeHosts" . | fromJsonArray) .Values.allowedHosts }}
{{- $hosts = append $hosts (trimPrefix "*" .) }}
{{- end }}
{{- join "," (uniq $hosts) }}
{{- end }}

{{- /* The hosts of whichever routes are on, as a JSON list. */}}
{{- define "common.routeHosts" -}}
{{- $hosts := list }}
{{- if .Values.ingress.enabled }}{{ $hosts = concat $hosts .Values.ingress.hosts }}{{ end }}
{{- if .Values.httpRoute.enabled }}{{ $hosts = concat $hosts .Values.httpRoute.hostnames }}{{ end }}
{{- toJson $hosts }}
{{- end }}

{{- /* A variable from a Secret: the installer's, or the service's own. Takes (list context variable value). */}}
{{- define "common.secretEnv" -}}
{{- $value := index . 2 -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ $value.existingSecret | default (include "common.fullname" (index . 0)) }}
      key: {{ $value.existingSecret | empty | ternary (index . 1) $value.key }}
{{- end }}
