{{- /*
Names and labels. Every object's name has its home here: other templates ask, and add a suffix at most.
*/}}

{{- /* The service's name: <release>-<chart>, or the release's alone where it already is the chart's. */}}
{{- define "common.fullname" -}}
{{- .Values.fullnameOverride | default (include "common.sibling" (list . .Chart.Name)) }}
{{- end }}

{{- /* The name that another chart of the same release gives its service. Takes (list context chart). */}}
{{- define "common.sibling" -}}
{{- $release := (index . 0).Release.Name }}{{ $chart := index . 1 }}
{{- eq $release $chart | ternary $release (printf "%s-%s" $release $chart) }}
{{- end }}

{{- /* What a Deployment and a Service select by. Never changes between versions: selectors are immutable. */}}
{{- define "common.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* A pod's labels. No version in them: an upgrade of the chart alone must restart no pod. */}}
{{- define "common.podLabels" -}}
{{ include "common.selector" . }}
app.kubernetes.io/component: {{ .Chart.Name }}
app.kubernetes.io/part-of: tandem
{{- end }}

{{- /* Labels for what accompanies a service and must not be selected by it. Takes (dict "ctx" . "component" "test"). */}}
{{- define "common.sideLabels" -}}
app.kubernetes.io/name: {{ .ctx.Chart.Name }}-{{ .component }}
app.kubernetes.io/instance: {{ .ctx.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: tandem
{{- end }}

{{- /* Where an object comes from. */}}
{{- define "common.origin" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Name, namespace and labels of an object. Takes (dict "ctx" . "name" "…"), the name where it is not the service's. */}}
{{- define "common.metadata" -}}
name: {{ .name | default (include "common.fullname" .ctx) }}
namespace: {{ .ctx.Release.Namespace }}
labels:
  {{- include "common.podLabels" .ctx | nindent 2 }}
  {{- include "common.origin" .ctx | nindent 2 }}
{{- end }}

{{- /* A value's full path as the installer writes it: web.replicas in the whole, replicas in the chart alone. */}}
{{- define "common.path" -}}
{{- $chart := (index . 0).Chart }}{{ $chart.IsRoot | ternary "" (printf "%s." $chart.Name) }}{{ index . 1 }}
{{- end }}

{{- define "common.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "common.fullname" .) "default") }}
{{- end }}

{{- /* The image's full name. A digest wins over the tag, the chart's own registry over the global one. */}}
{{- define "common.image" -}}
{{- $image := .image }}
{{- with $image.registry | default .ctx.Values.global.imageRegistry }}{{ . }}/{{ end }}
{{- $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .ctx.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "common.imagePullSecrets" -}}
{{- with concat .Values.imagePullSecrets (.Values.global.imagePullSecrets | default list) | uniq }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
