{{- /*
The pod of a service, and the pieces that its other pods (the tests, the development database) share.
*/}}

{{- /* Pod Security "restricted", for the pod. Takes the numeric user, which also owns the volumes. */}}
{{- define "common.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ . }}
  runAsGroup: {{ . }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- /* Pod Security "restricted", for each container; the root is writable only where the values of a service say so. */}}
{{- define "common.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: {{ not .Values.writableRoot }}
  capabilities:
    drop: [ALL]
{{- end }}

{{- /* The user that the images run as. */}}
{{- define "common.uid" -}}65532{{- end }}

{{- /* /tmp in memory, the one place that a read-only image needs: gunicorn's metrics files. */}}
{{- define "common.tmpVolume" -}}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 64Mi
{{- end }}

{{- define "common.tmpMount" -}}
- name: tmp
  mountPath: /tmp
{{- end }}

{{- /* A container of the service's own image: what its main, init and test containers have in common. */}}
{{- define "common.container" -}}
image: {{ include "common.image" (dict "ctx" . "image" .Values.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{ include "common.containerSecurity" . }}
{{- end }}

{{- /* Environment and mounts, the same for serving and for migrating. */}}
{{- define "common.containerSetup" -}}
env:
  {{- include "common.env" . | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  {{- include "common.tmpMount" . | nindent 2 }}
  {{- with include (printf "%s.volumeMounts" .Chart.Name) . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "common.podTemplate" -}}
metadata:
  labels:
    {{- include "common.podLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $given := include "common.secretChecksum" . }}
  {{- if or $given .Values.podAnnotations }}
  annotations:
    {{- with $given }}
    checksum/secret: {{ . }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  {{- include "common.podSpec" . | nindent 2 }}
{{- end }}

{{- define "common.podSpec" -}}
{{- $ports := include (printf "%s.ports" .Chart.Name) . | fromYaml -}}
serviceAccountName: {{ include "common.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with include "common.imagePullSecrets" . | trim }}
{{ . }}
{{- end }}
{{ include "common.podSecurity" (include "common.uid" .) }}
{{- with .Values.dnsOptions }}
dnsConfig:
  options:
    {{- toYaml . | nindent 4 }}
{{- end }}
# preStop's 5 s, gunicorn's 20 s for what is in flight, and 5 s to spare.
terminationGracePeriodSeconds: 30
{{- with include (printf "%s.initContainers" .Chart.Name) . | trim }}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
containers:
  - name: {{ .Chart.Name }}
    {{- include "common.container" . | nindent 4 }}
    ports:
      - name: http
        containerPort: {{ $ports.http }}
        protocol: TCP
      - name: metrics
        containerPort: {{ $ports.metrics }}
        protocol: TCP
    {{- include "common.probes" . | nindent 4 }}
    lifecycle:
      # The pod leaves the endpoints at once, but every node learns of it in its own time: serve until they have.
      preStop:
        sleep:
          seconds: 5
    terminationMessagePolicy: FallbackToLogsOnError
    {{- include "common.containerSetup" . | nindent 4 }}
volumes:
  {{- include "common.tmpVolume" . | nindent 2 }}
  {{- with include (printf "%s.volumes" .Chart.Name) . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
topologySpreadConstraints:
  {{- include "common.spread" . | trim | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- /*
A slow start is startupProbe's to wait for, so that the others can be short. Liveness asks at the metrics port: at the
service's own, slow clients that hold all threads would have a healthy container killed.
*/}}
{{- define "common.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: {{ .Values.readinessPeriodSeconds }}
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{- /*
Replicas on different nodes, counted for each version by itself. A wish: one node is enough to run. No second wish for
zones: the scheduler leaves out of its scoring every node that lacks one of the keys, so that without zones neither counts.
*/}}
{{- define "common.spread" -}}
{{- if .Values.topologySpreadConstraints }}
{{- toYaml .Values.topologySpreadConstraints }}
{{- else }}
- topologyKey: kubernetes.io/hostname
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "common.selector" . | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
