#!/bin/sh
# Installs, on Debian, what `npm run build:cni` and the CNI tests need. Where the release has no quickjs (bookworm), the
# source package of trixie is built into /usr/local.
set -eu
apt-get update --quiet
apt-get install --yes --no-install-recommends \
  containernetworking-plugins gcc iproute2 iptables iputils-ping libc6-dev libssl-dev libzstd-dev openssl pkgconf util-linux zlib1g-dev
if ! command -v qjsc >/dev/null && ! apt-get install --yes --no-install-recommends quickjs libquickjs; then
  apt-get install --yes --no-install-recommends make patch xz-utils
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  mkdir -p "$build/state/lists/partial" "$build/cache/archives/partial"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$build/sources.list"
  cd "$build"
  set -- -o Dir::Etc::sourcelist="$build/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State="$build/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$build/cache"
  apt-get "$@" update --quiet
  apt-get "$@" source --download-only quickjs
  tar xf quickjs_*.orig.tar.*
  cd quickjs-*/
  tar xf ../quickjs_*.debian.tar.*
  while read -r name; do patch -sp1 < "debian/patches/$name"; done < debian/patches/series
  make -j"$(nproc)" install PREFIX=/usr/local DEB_HOST_MULTIARCH=
fi
