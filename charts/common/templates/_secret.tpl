{{- /*
One Secret for each service, holding what the installer neither gave nor has: each key stays as the cluster has it,
else is what the values give, else is made. Kept on uninstall, so that a reinstall finds its sessions and its clients.

A chart names its keys in "<chart>.secrets": variable → {value, existingSecret, generate}.
*/}}

{{- define "common.secret" -}}
{{- $name := include "common.fullname" . }}
{{- $kept := (lookup "v1" "Secret" .Release.Namespace $name).data | default dict }}
{{- $data := dict }}
{{- range $variable, $source := include (printf "%s.secrets" .Chart.Name) . | fromYaml }}
{{- if $source.value }}
{{- $_ := set $data $variable (b64enc $source.value) }}
{{- else if and $source.generate (not $source.existingSecret) }}
{{- $_ := set $data $variable (get $kept $variable | default (randAlphaNum 48 | b64enc)) }}
{{- end }}
{{- end }}
{{- if $data }}
apiVersion: v1
kind: Secret
metadata:
  {{- include "common.metadata" (dict "ctx" .) | nindent 2 }}
  annotations:
    helm.sh/resource-policy: keep
type: Opaque
data:
  {{- toYaml $data | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Changes with a secret that the values give, so that its pods restart. A made one never changes by an upgrade. */}}
{{- define "common.secretChecksum" -}}
{{- $given := dict }}
{{- range $variable, $source := include (printf "%s.secrets" .Chart.Name) . | fromYaml }}
{{- with $source.value }}{{ $_ := set $given $variable . }}{{ end }}
{{- end }}
{{- if $given }}{{ toJson $given | sha256sum | trunc 32 }}{{ end }}
{{- end }}
