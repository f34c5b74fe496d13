{{- define "metaipam.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 48 | trimSuffix "-" }}
{{- end }}

{{/* At most 48 characters: names of objects are made of it. */}}
{{- define "metaipam.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "metaipam.labels" -}}
{{ include "metaipam.selectorLabels" . }}
{{ include "metaipam.commonLabels" . }}
{{- end }}

{{/* Of every object, also of those whose names are not the release's. */}}
{{- define "metaipam.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: metaipam
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "metaipam.selectorLabels" -}}
app.kubernetes.io/name: {{ include "metaipam.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "metaipam.cniSelectorLabels" -}}
app.kubernetes.io/name: {{ include "metaipam.name" . }}-cni
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "metaipam.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "metaipam.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Takes an image of the values and the chart's appVersion. */}}
{{- define "metaipam.image" -}}
{{- if .image.digest }}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else }}
{{- printf "%s:%s" .image.repository (default .appVersion .image.tag) }}
{{- end }}
{{- end }}

{{- define "metaipam.installNamespace" -}}
{{- default .Release.Namespace .Values.installNamespace }}
{{- end }}

{{- define "metaipam.hooksService" -}}
{{- printf "%s-hooks" (include "metaipam.fullname" .) }}
{{- end }}

{{/* What the hooks' URLs begin with. */}}
{{- define "metaipam.hooksUrl" -}}
{{- if .Values.hooks.url }}
{{- .Values.hooks.url }}
{{- else if .Values.combined.enabled }}
{{- printf "http://127.0.0.1:%v" .Values.hooks.port }}
{{- else }}
{{- $scheme := ternary "https" "http" .Values.tls.enabled }}
{{- printf "%s://%s.%s.svc" $scheme (include "metaipam.hooksService" .) .Release.Namespace }}
{{- end }}
{{- end }}

{{- define "metaipam.tlsSecret" -}}
{{- default (printf "%s-hooks-tls" (include "metaipam.fullname" .)) .Values.tls.secretName }}
{{- end }}

{{/* `caBundle` of a webhook of Metacontroller; nothing where it trusts the endpoint already. */}}
{{- define "metaipam.caBundle" -}}
{{- if .Values.tls.caBundle }}
inline: {{ toJson .Values.tls.caBundle }}
{{- else if .Values.tls.caKey }}
secretRef:
  name: {{ include "metaipam.tlsSecret" . }}
  namespace: {{ .Release.Namespace }}
  key: {{ .Values.tls.caKey }}
{{- end }}
{{- end }}

{{- define "metaipam.installCrds" -}}
{{- if kindIs "bool" .Values.installCRDs }}
{{- ternary "true" "" .Values.installCRDs }}
{{- else }}
{{- ternary "true" "" .Values.crds.install }}
{{- end }}
{{- end }}

{{/* Takes a value that is true, false or auto, and the API that auto asks for. */}}
{{- define "metaipam.isOn" -}}
{{- if eq (toString .value) "auto" }}
{{- ternary "true" "" (.root.Capabilities.APIVersions.Has .api) }}
{{- else if eq (toString .value) "true" -}}
true
{{- end }}
{{- end }}

{{/* The objects of a file of several, labelled; takes the root and the file's path. */}}
{{- define "metaipam.objects" -}}
{{- $labels := include "metaipam.commonLabels" .root | fromYaml }}
{{- range regexSplit "(?m)^---$" (.root.Files.Get .path) -1 }}
{{- $object := fromYaml . }}
{{- $_ := set $object.metadata "labels" (merge (dict) $labels (default (dict) $object.metadata.labels)) }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}

{{- define "metaipam.validate" -}}
{{- with .Values }}
{{- if and .bind.enabled (gt (int .replicaCount) 1) (not .leaderElection.enabled) }}
{{- fail "leaderElection.enabled is false with more than one replica, which would all write nodes: set it to true, set replicaCount to 1, or set bind.enabled to false" }}
{{- end }}
{{- if and .tls.enabled (not .tls.secretName) (not .tls.certManager.enabled) }}
{{- fail "tls.enabled needs a certificate: set tls.secretName to a Secret that has one, or tls.certManager.enabled to true" }}
{{- end }}
{{- if and .tls.certManager.enabled (not .tls.enabled) }}
{{- fail "tls.certManager.enabled without tls.enabled: set tls.enabled to true" }}
{{- end }}
{{- if and .combined.enabled (or .tls.enabled .hooks.url) }}
{{- fail "combined.enabled calls the hooks within the pod: set tls.enabled to false and leave hooks.url empty" }}
{{- end }}
{{- if and .combined.enabled (not .rbac.create) (not .serviceAccount.name) }}
{{- fail "combined.enabled without rbac.create needs serviceAccount.name: an account with Metacontroller's permissions" }}
{{- end }}
{{- end }}
{{- end }}
