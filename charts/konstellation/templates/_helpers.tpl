{{/* The operator's ServiceAccount and everything named after it. */}}
{{- define "konstellation.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "konstellation.selectorLabels" -}}
app.kubernetes.io/name: konstellation
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "konstellation.labels" -}}
{{ include "konstellation.selectorLabels" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "konstellation.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}
