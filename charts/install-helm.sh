#!/bin/sh
# Installs, where there is none, the helm that the tests of the chart use, with Go.
set -eu
version=v4.3.1
command -v helm >/dev/null && exit
GOBIN=${GOBIN:-/usr/local/bin} go install "helm.sh/helm/v4/cmd/helm@$version"
