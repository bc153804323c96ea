#!/bin/bash
# `make push REGISTRY=host/path`: the images for each platform, under one name each, and the charts.
# PLATFORMS=linux/amd64 pushes for one only. Log in to the registry before (docker login, helm registry login).
set -euo pipefail
# shellcheck source=../offline/lib.sh
. "$(dirname "$0")/../offline/lib.sh"
registry=${REGISTRY:-}
platforms=${PLATFORMS:-linux/amd64,linux/arm64}
[ -n "$registry" ] || fail "where to? make push REGISTRY=registry.example.org/team"
need_engine
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/pyproject.toml")

IFS=, read -ra wanted <<<"$platforms"
builder=$(docker buildx inspect) # not in a pipe: grep ends at the line it looks for, and docker would fail to write the rest
for platform in "${wanted[@]}"; do
    grep -qE "^Platforms:.*$platform(,|/|\$)" <<<"$builder" ||
        fail "this engine cannot run $platform: install its emulator (on Debian: apt-get install qemu-user-static binfmt-support arch-test), or push for fewer: PLATFORMS=linux/amd64"
done

push() { # push IMAGE: what it said only where it failed
    docker push --quiet "$1" >/dev/null || fail "$1 could not be pushed: the reason stands above"
}

for service in web api; do
    parts=()
    for platform in "${wanted[@]}"; do
        PLATFORM=$platform "$root/tools/images.sh" "$service"
        part=$registry/tandem-$service:$version-${platform##*/}
        docker tag "tandem-$service:$version-${platform##*/}" "$part"
        push "$part"
        parts+=("$part")
    done
    docker buildx imagetools create --tag "$registry/tandem-$service:$version" "${parts[@]}" >/dev/null 2>&1 ||
        fail "the images of tandem-$service could not be put under one name: docker buildx imagetools create --tag $registry/tandem-$service:$version ${parts[*]}"
    say "$registry/tandem-$service:$version for $platforms"
done

"$root/tools/package.sh" >/dev/null
helm=$("$root/tools/cluster/tool.sh" helm)
options=()
# A registry on this machine speaks no TLS; docker knows that by itself.
[[ $registry != 127.0.0.1* && $registry != localhost* ]] || options+=(--plain-http)
for chart in web api tandem; do
    "$helm" push "$root/dist/charts/$chart-$version.tgz" "oci://$registry/charts" "${options[@]}" >/dev/null 2>&1 ||
        fail "charts/$chart could not be pushed: helm push dist/charts/$chart-$version.tgz oci://$registry/charts"
done
say "oci://$registry/charts/{web,api,tandem}, version $version: helm install demo oci://$registry/charts/tandem --set global.imageRegistry=$registry"
