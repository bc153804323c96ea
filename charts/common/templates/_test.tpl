{{- /*
`helm test`: a pod of the service's own image that asks the service, one container for each question. A chart lists its
questions in "<chart>.tests": name → {path, args, env}.
*/}}

{{- /* How the image asks a URL: apps/serving/probe.py. The images' start command is the service, so it is replaced. */}}
{{- define "common.probeCommand" -}}
[/tandem/.venv/bin/python, -m, serving.probe]
{{- end }}

{{- define "common.test" -}}
{{- $ports := include (printf "%s.ports" .Chart.Name) . | fromYaml -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "common.fullname" . }}-test
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "common.sideLabels" (dict "ctx" . "component" "test") | nindent 4 }}
    {{- include "common.origin" . | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with include "common.imagePullSecrets" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- include "common.podSecurity" (include "common.uid" .) | nindent 2 }}
  containers:
    {{- range $name, $test := include (printf "%s.tests" .Chart.Name) . | fromYaml }}
    - name: {{ $name }}
      {{- include "common.container" $ | nindent 6 }}
      command: {{ include "common.probeCommand" $ }}
      args:
        - http://{{ include "common.fullname" $ }}:{{ $ports.http }}{{ $test.path }}
        {{- with $test.args }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      terminationMessagePolicy: FallbackToLogsOnError
      {{- with $test.env }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        requests: {cpu: 10m, memory: 32Mi}
        limits: {memory: 64Mi}
      volumeMounts:
        {{- include "common.tmpMount" $ | nindent 8 }}
    {{- end }}
  volumes:
    {{- include "common.tmpVolume" . | nindent 4 }}
{{- end }}

{{- /* The test pod may ask its service, and nothing else. */}}
{{- define "common.testPolicy" -}}
{{- if .Values.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "common.metadata" (dict "ctx" . "name" (print (include "common.fullname" .) "-test")) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "common.sideLabels" (dict "ctx" . "component" "test") | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "common.dnsEgress" . | nindent 4 }}
    - ports:
        - {port: {{ (include (printf "%s.ports" .Chart.Name) . | fromYaml).http }}, protocol: TCP}
      to:
        - podSelector:
            matchLabels:
              {{- include "common.selector" . | nindent 14 }}
{{- end }}
{{- end }}
