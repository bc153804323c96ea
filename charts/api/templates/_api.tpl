{{- /*
What is particular to api: a database, the migrations before it serves, and the token that its clients send.
*/}}

{{- define "api.ports" -}}
http: 5001
metrics: 9001
{{- end }}

{{- /* "true" on SQLite: one file on one volume, which a second pod must not open from another node. */}}
{{- define "api.sqlite" -}}
{{- if not (or .Values.postgresql.enabled .Values.database.url .Values.database.existingSecret) }}true{{ end }}
{{- end }}
{{- define "api.single" -}}{{ include "api.sqlite" . }}{{- end }}

{{- define "api.secrets" -}}
SECRET_KEY:
  path: secretKey
  generate: true
  value: {{ .Values.secretKey.value | quote }}
  existingSecret: {{ .Values.secretKey.existingSecret | quote }}
API_TOKEN:
  path: apiToken
  generate: true
  value: {{ .Values.apiToken.value | quote }}
  existingSecret: {{ .Values.apiToken.existingSecret | quote }}
DATABASE_URL:
  path: database
  generate: false
  value: {{ .Values.database.url | quote }}
  existingSecret: {{ .Values.database.existingSecret | quote }}
{{- end }}

{{- /* The Secret that holds the token, for the notes and for charts/tandem. */}}
{{- define "api.tokenSecret" -}}
{{- .Values.apiToken.existingSecret | default (include "common.fullname" .) }}
{{- end }}
{{- define "api.tokenKey" -}}
{{- .Values.apiToken.existingSecret | empty | ternary "API_TOKEN" .Values.apiToken.key }}
{{- end }}

{{- define "api.env" -}}
{{ include "common.secretEnv" (list . "API_TOKEN" .Values.apiToken) }}
{{- if include "api.sqlite" . }}
- name: DATABASE_URL
  value: sqlite:////data/users.db
{{- else if .Values.postgresql.enabled }}
{{ include "common.secretEnv" (list . "DATABASE_URL" (dict "existingSecret" (include "api.postgresql" .) "key" "DATABASE_URL")) }}
{{- else }}
{{ include "common.secretEnv" (list . "DATABASE_URL" .Values.database) }}
{{- end }}
{{- end }}

{{- define "api.volumeMounts" -}}
{{- if include "api.sqlite" . -}}
- name: data
  mountPath: /data
{{- end }}
{{- end }}

{{- define "api.volumes" -}}
{{- if include "api.sqlite" . }}
{{- with .Values.database.volume -}}
- name: data
  {{- if .inMemory }}
  emptyDir:
    medium: Memory
    sizeLimit: {{ .size }}
  {{- else }}
  persistentVolumeClaim:
    claimName: {{ .existingClaim | default (include "common.fullname" $) }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Every pod brings the schema up to its own code; the command's lock lets one work while the others wait. */}}
{{- define "api.initContainers" -}}
- name: migrate
  {{- include "common.container" . | nindent 2 }}
  args: [migrate]
  # Its last lines become the pod's status, where `kubectl describe pod` shows why a migration failed.
  terminationMessagePolicy: FallbackToLogsOnError
  {{- include "common.containerSetup" . | nindent 2 }}
{{- end }}

{{- /* Who may call api: the pods of Tandem that do, and whom the installer adds. */}}
{{- define "api.clients" -}}
{{ include "common.clients" (list "web" "test" "verify") }}
{{- with .Values.networkPolicy.from }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "api.egress" -}}
{{- if not (include "api.sqlite" .) -}}
- ports:
    - port: {{ .Values.database.port }}
      protocol: TCP
  {{- with .Values.networkPolicy.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "api.tests" -}}
livez: {path: /livez}
readyz: {path: /readyz}
refused: {path: /users, args: [--expect-status, "401"]}
users:
  path: /users?limit=1
  args: [--token-from-env]
  env:
    {{- include "common.secretEnv" (list . "API_TOKEN" .Values.apiToken) | nindent 4 }}
{{- end }}

{{- define "api.validate" -}}
{{- $database := .Values.database }}
{{- if include "api.sqlite" . }}
{{- if gt (int .Values.replicas) 1 }}
{{- include "common.refuse" (list . "replicas" (printf "is %v, and SQLite on a volume serves one: give database.existingSecret with the address of a PostgreSQL, or set replicas to 1." .Values.replicas)) }}
{{- end }}
{{- if .Values.autoscaling.enabled }}
{{- include "common.refuse" (list . "autoscaling.enabled" "needs PostgreSQL (database.existingSecret): SQLite on a volume serves one replica.") }}
{{- end }}
{{- end }}
{{- if and .Values.postgresql.enabled (or $database.url $database.existingSecret) }}
{{- include "common.refuse" (list . "postgresql.enabled" "brings a database of its own, and database.url or database.existingSecret names another: choose one.") }}
{{- end }}
{{- if and $database.volume.inMemory $database.volume.existingClaim }}
{{- include "common.refuse" (list . "database.volume.inMemory" "and database.volume.existingClaim exclude each other: choose one.") }}
{{- end }}
{{- with $database.url }}
{{- $named := regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" }}
{{- if and $named (ne $named (toString $database.port)) }}
{{- include "common.refuse" (list $ "database.port" (printf "is %v, and database.url names port %s: the NetworkPolicy needs both alike." $database.port $named)) }}
{{- end }}
{{- end }}
{{- end }}
