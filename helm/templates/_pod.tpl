{{/* What all pods of Confab have in common. */}}

{{- define "confab.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "confab.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* (list $ VALUES): where a pod of a program may run. */}}
{{- define "confab.placement" -}}
{{- $root := index . 0 }}{{ $values := index . 1 -}}
{{- include "confab.podSecurity" $root }}
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
tolerations:
  {{- range list "not-ready" "unreachable" }}
  - {key: node.kubernetes.io/{{ . }}, operator: Exists, effect: NoExecute, tolerationSeconds: 30}
  {{- end }}
  {{- with $values.tolerations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* (list $ COMPONENT VALUES) */}}
{{- define "confab.spread" -}}
{{- with (index . 2).topologySpreadConstraints -}}
{{ toYaml . }}
{{- else -}}
{{- $context := . -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "confab.selector" (list (index $context 0) (index $context 1)) | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end }}

{{/* (list $ VALUES): the files that a program reads. */}}
{{- define "confab.mounts" -}}
{{- $root := index . 0 }}{{ $values := index . 1 -}}
{{- with $root.Values.caBundle.configMap }}
- {name: ca, mountPath: /etc/confab/ca, readOnly: true}
{{- end }}
{{- with $values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "confab.volumes" -}}
{{- $root := index . 0 }}{{ $values := index . 1 -}}
{{- with $root.Values.caBundle.configMap }}
- {name: ca, configMap: {name: {{ . }}}}
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
