{{- /*
Lines of NOTES.txt, to be copied into a shell as they stand.
*/}}

{{- define "common.portForward" -}}
{{- $port := (include (printf "%s.ports" .Chart.Name) . | fromYaml).http -}}
kubectl --namespace {{ .Release.Namespace }} port-forward service/{{ include "common.fullname" . }} {{ $port }}:{{ $port }}
{{- end }}

{{- define "common.routeNotes" -}}
{{- range include "common.routeHosts" . | fromJsonArray }}
  Routed: {{ $.Chart.Name }} answers to {{ . }}
{{- end }}
{{- end }}
