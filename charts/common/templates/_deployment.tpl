{{- /*
A chart defines "<chart>.single": "true" where a second pod beside the first would do harm (SQLite on a volume).
*/}}

{{- define "common.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "common.metadata" (dict "ctx" .) | nindent 2 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  # Helm keeps the history that a rollback needs. While it waits it asks for every old ReplicaSet at each change, and with
  # Kubernetes' ten of them its client is throttled: the upgrade is through, and Helm waits on.
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      {{- include "common.selector" . | nindent 6 }}
  strategy:
    {{- if include (printf "%s.single" .Chart.Name) . }}
    type: Recreate
    {{- else }}
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: {{ .Values.maxSurge }}
    {{- end }}
  template:
    {{- include "common.podTemplate" . | nindent 4 }}
{{- end }}

{{- define "common.hpa" -}}
{{- with .Values.autoscaling }}
{{- if .enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "common.metadata" (dict "ctx" $) | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "common.fullname" $ }}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .targetCPUUtilizationPercentage }}
  {{- with .behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Only above one replica: with one, it would promise what cannot be kept. */}}
{{- define "common.pdb" -}}
{{- if gt (int (.Values.autoscaling.enabled | ternary .Values.autoscaling.maxReplicas .Values.replicas)) 1 }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "common.metadata" (dict "ctx" .) | nindent 2 }}
spec:
  maxUnavailable: 1
  # A pod that never became ready serves nobody: it must not hold up a drain.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "common.selector" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "common.serviceaccount" -}}
{{- if .Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "common.metadata" (dict "ctx" . "name" (include "common.serviceAccount" .)) | nindent 2 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}
