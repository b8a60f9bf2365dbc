{{/* What the programs are told, and what follows from it. */}}

{{/* A setting as text: numbers of values are floats, which are not to be written as 1e+06. */}}
{{- define "confab.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* (list $ PROGRAM): its settings, all but the secret ones. */}}
{{- define "confab.settings" -}}
{{- $root := index . 0 }}{{ $program := index . 1 -}}
{{- $settings := (index $root.Values $program).config -}}
{{- $host := $root.Values.listenHost -}}
CONFAB_OPS_LISTEN: {{ printf "%s:9100" $host | quote }}
{{- if eq $program "gateway" }}
CONFAB_LISTEN: {{ printf "%s:8080" $host | quote }}
{{- if and (or $root.Values.ingress.enabled $root.Values.httpRoute.enabled) (not (hasKey $settings "CONFAB_TRUSTED_PROXIES")) }}
CONFAB_TRUSTED_PROXIES: "1"
{{- end }}
{{- end }}
{{- if and (eq $program "worker") $root.Values.push.existingSecret }}
CONFAB_PUSH_CONTACT: {{ $root.Values.push.contact | quote }}
{{- end }}
{{- if $root.Values.caBundle.configMap }}
SSL_CERT_FILE: /etc/confab/ca/{{ $root.Values.caBundle.key }}
{{- end }}
{{- range $name, $value := $settings }}
{{ $name }}: {{ include "confab.text" $value | quote }}
{{- end }}
{{- end }}

{{/* Seconds between SIGTERM and the kill. A gateway waits for balancers, then sends its clients away; 10 s are to spare. A worker
     commits what it has begun. */}}
{{- define "confab.graceSeconds" -}}
{{- $root := index . 0 }}{{ $config := $root.Values.gateway.config -}}
{{- if eq (index . 1) "gateway" -}}
{{- $milliseconds := add ($config.CONFAB_LAME_DUCK_MS | default 5000) ($config.CONFAB_DRAIN_MS | default 20000) -}}
{{- add (ceil (divf $milliseconds 1000)) 10 -}}
{{- else -}}
30
{{- end -}}
{{- end }}

{{/* How long a Deployment may stand still: new gateways wait until each old worker was replaced, and on the way back old workers until
     each new gateway was. Kubernetes would say after 600 s that it failed, and Helm would believe it. */}}
{{- define "confab.progressSeconds" -}}
{{- $seconds := 600 -}}
{{- range $program := list "gateway" "worker" -}}
{{- $values := index $.Values $program -}}
{{- $pods := int $values.replicas -}}
{{- if $values.autoscaling.enabled }}{{ $pods = int $values.autoscaling.maxReplicas }}{{ end -}}
{{- if dig "keda" "enabled" false $values }}{{ $pods = int $values.keda.maxReplicas }}{{ end -}}
{{- $seconds = add $seconds (mul $pods (add 30 (include "confab.graceSeconds" (list $ $program)))) -}}
{{- end -}}
{{- $seconds -}}
{{- end }}

{{/* The Secret that holds what REDIS_URL and the others are. */}}
{{- define "confab.secretName" -}}
{{- .Values.existingSecret | default (include "confab.fullname" .) -}}
{{- end }}

{{/* (list $ WHOSE): a password of a trial's stores. It follows from the key, so it is the same in each rendering. */}}
{{- define "confab.trialPassword" -}}
{{- printf "%s %s" (index . 1) (index . 0).Values.secret.clusterKey | sha256sum | trunc 32 -}}
{{- end }}

{{/* What the chart's own Secret holds. */}}
{{- define "confab.secretData" -}}
{{- $secret := .Values.secret -}}
CONFAB_CLUSTER_KEY: {{ $secret.clusterKey | quote }}
{{- if eq .Values.stores.mode "trial" }}
{{- $name := include "confab.fullname" . }}
{{- $redis := include "confab.trialPassword" (list . "valkey") }}
REDIS_URL: redis://:{{ $redis }}@{{ $name }}-valkey:6379
REDIS_PASSWORD: {{ $redis | quote }}
valkey.conf: requirepass {{ $redis }}
DATABASE_PASSWORD: {{ include "confab.trialPassword" (list . "postgres") | quote }}
POSTGRES_PASSWORD: {{ include "confab.trialPassword" (list . "superuser") | quote }}
{{- else }}
REDIS_URL: {{ $secret.redisUrl | quote }}
{{- end }}
{{- with include "confab.databaseUrl" . }}
DATABASE_URL: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Where the database is, unless somebody else's Secret says it. */}}
{{- define "confab.databaseUrl" -}}
{{- if eq .Values.stores.mode "trial" -}}
postgres://confab:{{ include "confab.trialPassword" (list . "postgres") }}@{{ include "confab.fullname" . }}-postgres:5432/confab
{{- else -}}
{{ .Values.secret.databaseUrl }}
{{- end -}}
{{- end }}

{{/* (list $ SECRET VARIABLE…): a program gets only what it needs. */}}
{{- define "confab.secretEnv" -}}
{{- $root := index . 0 }}{{ $secret := index . 1 -}}
{{- range slice . 2 }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      {{- if and (eq . "DATABASE_URL") (eq $root.Values.stores.mode "cnpg") }}
      name: {{ include "confab.fullname" $root }}-postgres-app
      key: uri
      {{- else }}
      name: {{ $secret }}
      key: {{ . }}
      {{- end }}
{{- end }}
{{- end }}

{{/* Bytes of a quantity of Kubernetes. */}}
{{- define "confab.bytes" -}}
{{- $text := include "confab.text" . -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mulf $number (get $units (regexFind "[A-Za-z]*$" $text) | default 1) | int64 -}}
{{- end }}
