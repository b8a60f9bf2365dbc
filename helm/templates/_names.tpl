{{/* How objects are called, labelled and found. */}}

{{- define "confab.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-confab" .Release.Name) (contains "confab" .Release.Name) -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* (list $ COMPONENT): what selects the pods of a component; it may never change. */}}
{{- define "confab.selector" -}}
app.kubernetes.io/name: confab
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* (list $ COMPONENT): of pods. Nothing of the chart's version: another one alone replaces no pod. */}}
{{- define "confab.podLabels" -}}
{{ include "confab.selector" . }}
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "confab.labels" -}}
{{ include "confab.podLabels" . }}
{{- with index . 0 }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- end }}

{{/* (list $ NAME COMPONENT [ANNOTATIONS [LABELS]]): the metadata of an object. */}}
{{- define "confab.metadata" -}}
{{- $root := index . 0 -}}
{{- $annotations := $root.Values.commonAnnotations -}}
{{- if gt (len .) 3 }}{{ $annotations = merge (dict) (index . 3) $annotations }}{{ end -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "confab.labels" (list $root (index . 2)) | nindent 2 }}
  {{- if gt (len .) 4 }}{{ with index . 4 }}
  {{- toYaml . | nindent 2 }}
  {{- end }}{{ end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* (list $ IMAGE): by digest, where there is one. */}}
{{- define "confab.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{- with $root.Values.image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "confab.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "confab.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end }}
