{{- define "offtake.name" -}}
{{- if contains "offtake" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-offtake" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "offtake.selector" -}}
app.kubernetes.io/name: offtake-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "offtake.labels" -}}
{{ include "offtake.selector" . }}
app.kubernetes.io/part-of: offtake
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
