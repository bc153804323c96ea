{{- /*
What is particular to web: it talks to api, keeps nothing, and shows the users pages.
*/}}

{{- define "web.ports" -}}
http: 5000
metrics: 9000
{{- end }}

{{- define "web.single" -}}{{- end }}
{{- define "web.initContainers" -}}{{- end }}
{{- define "web.volumes" -}}{{- end }}
{{- define "web.volumeMounts" -}}{{- end }}

{{- define "web.secrets" -}}
SECRET_KEY:
  path: secretKey
  generate: true
  value: {{ .Values.secretKey.value | quote }}
  existingSecret: {{ .Values.secretKey.existingSecret | quote }}
{{- end }}

{{- /* These two may be templates: charts/tandem points them at the api of its own release. */}}
{{- define "web.apiUrl" -}}{{ tpl .Values.api.url . | trimSuffix "/" }}{{- end }}
{{- define "web.tokenSecret" -}}{{ tpl .Values.api.tokenSecret . }}{{- end }}

{{- /* YAML reads a bare off as false, and means it. */}}
{{- define "web.usersPages" -}}
{{- eq (toString .Values.usersPages) "false" | ternary "off" .Values.usersPages }}
{{- end }}

{{- define "web.env" -}}
- name: API_URL
  value: {{ include "web.apiUrl" . | quote }}
- name: API_TIMEOUT
  value: {{ .Values.api.timeout | quote }}
{{ include "common.secretEnv" (list . "API_TOKEN" (dict "existingSecret" (include "web.tokenSecret" .) "key" .Values.api.tokenKey)) }}
{{- with include "web.usersPages" . }}
- name: USERS_PAGES
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- /* Anyone may call web, or those whom the installer names, and then the test and verify pods too. */}}
{{- define "web.clients" -}}
{{- with .Values.networkPolicy.from }}
{{- include "common.clients" (list "test" "verify") }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The port that the URL names, or the one that its scheme means. */}}
{{- define "web.egress" -}}
{{- $url := urlParse (include "web.apiUrl" .) -}}
- ports:
    - port: {{ regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") }}
      protocol: TCP
  {{- with .Values.networkPolicy.to }}
  to:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "web.tests" -}}
livez: {path: /livez}
readyz: {path: /readyz}
hello: {path: /, args: [--expect-body, "Hello, World!"]}
{{- if ne (include "web.usersPages" .) "off" }}
users: {path: /users}
{{- end }}
{{- end }}

{{- define "web.validate" -}}
{{- if not .Values.api.url }}
{{- include "common.refuse" (list . "api.url" "is empty: web needs the address of an api, such as http://demo-api:5001.") }}
{{- end }}
{{- if not .Values.api.tokenSecret }}
{{- include "common.refuse" (list . "api.tokenSecret" "is empty: web needs the Secret that holds api's token, such as demo-api.") }}
{{- end }}
{{- if and (or .Values.ingress.enabled .Values.httpRoute.enabled) (not (include "web.usersPages" .)) }}
{{- include "common.refuse" (list . "usersPages" "must be chosen with an Ingress or an HTTPRoute: off, read, or write where a login stands in front of web.") }}
{{- end }}
{{- end }}
