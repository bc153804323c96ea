{{- /*
How a service is reached, and by whom.
*/}}

{{- define "common.service" -}}
{{- $ports := include (printf "%s.ports" .Chart.Name) . | fromYaml -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "common.metadata" (dict "ctx" .) | nindent 2 }}
  {{- with .Values.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .Values.service.type }}
  selector:
    {{- include "common.selector" . | nindent 4 }}
  ports:
    - name: http
      port: {{ $ports.http }}
      targetPort: http
      protocol: TCP
      appProtocol: http
      {{- with .Values.service.nodePort }}
      nodePort: {{ . }}
      {{- end }}
{{- end }}

{{- /* A Service of its own: the metrics must not follow the other one out to a node's port or a load balancer. */}}
{{- define "common.metricsService" -}}
{{- if .Values.serviceMonitor.enabled }}
{{- $ports := include (printf "%s.ports" .Chart.Name) . | fromYaml -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "common.metadata" (dict "ctx" . "name" (print (include "common.fullname" .) "-metrics")) | nindent 2 }}
spec:
  clusterIP: None
  selector:
    {{- include "common.selector" . | nindent 4 }}
  ports:
    - name: metrics
      port: {{ $ports.metrics }}
      targetPort: metrics
      protocol: TCP
{{- end }}
{{- end }}

{{- define "common.servicemonitor" -}}
{{- with .Values.serviceMonitor }}
{{- if .enabled }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "common.metadata" (dict "ctx" $) | nindent 2 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "common.selector" $ | nindent 6 }}
  endpoints:
    - port: metrics
      interval: {{ .interval }}
{{- end }}
{{- end }}
{{- end }}

{{- define "common.ingress" -}}
{{- with .Values.ingress }}
{{- if .enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "common.metadata" (dict "ctx" $) | nindent 2 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- if .tlsSecret }}
  tls:
    - secretName: {{ .tlsSecret }}
      hosts:
        {{- toYaml .hosts | nindent 8 }}
  {{- end }}
  rules:
    {{- range .hosts }}
    - host: {{ . | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "common.fullname" $ }}
                port:
                  name: http
    {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "common.httproute" -}}
{{- with .Values.httpRoute }}
{{- if .enabled }}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  {{- include "common.metadata" (dict "ctx" $) | nindent 2 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  parentRefs:
    {{- toYaml .parentRefs | nindent 4 }}
  hostnames:
    {{- toYaml .hostnames | nindent 4 }}
  rules:
    - matches:
        - path:
            type: PathPrefix
            value: /
      backendRefs:
        - name: {{ include "common.fullname" $ }}
          port: {{ (include (printf "%s.ports" $.Chart.Name) $ | fromYaml).http }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Pods of Tandem in this namespace, of any release. Takes the list of their components. */}}
{{- define "common.clients" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/part-of: tandem
    matchExpressions:
      - key: app.kubernetes.io/component
        operator: In
        values: {{ toJson . }}
{{- end }}

{{- /* Lookups of names: any destination, because a node's own DNS cache answers from outside every namespace. */}}
{{- define "common.dnsEgress" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{- /*
Everything is denied but what stands here. A chart gives "<chart>.clients", the peers of its port (none: anyone), and
"<chart>.egress", the rules for what it calls.
*/}}
{{- define "common.networkpolicy" -}}
{{- if .Values.networkPolicy.enabled }}
{{- $ports := include (printf "%s.ports" .Chart.Name) . | fromYaml -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "common.metadata" (dict "ctx" .) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "common.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - ports:
        - {port: {{ $ports.http }}, protocol: TCP}
      {{- with include (printf "%s.clients" .Chart.Name) . | trim }}
      from:
        {{- . | nindent 8 }}
      {{- end }}
    - ports:
        - {port: {{ $ports.metrics }}, protocol: TCP}
      from:
        {{- .Values.networkPolicy.metricsFrom | default (list (dict "namespaceSelector" dict)) | toYaml | nindent 8 }}
  egress:
    {{- include "common.dnsEgress" . | nindent 4 }}
    {{- with include (printf "%s.egress" .Chart.Name) . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.networkPolicy.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}
