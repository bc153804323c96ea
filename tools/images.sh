#!/bin/bash
# usage: tools/images.sh [web|api]… (both where none is named)
# Builds tandem-web and tandem-api, tagged with pyproject.toml's version, and leaves their bills of materials in dist/.
# CA_BUNDLE=FILE adds the certificates of a company's network for the build; pip's own setting is used where it stands.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=../offline/lib.sh
. offline/lib.sh

need_engine
docker buildx version >/dev/null 2>&1 || fail "docker has no buildx, which builds the images: install it (on Debian: apt-get install docker-buildx)"
ca=${CA_BUNDLE:-${PIP_CERT:-${SSL_CERT_FILE:-/dev/null}}}
[ -r "$ca" ] || fail "the CA bundle $ca cannot be read: correct CA_BUNDLE"
offline/base-images.sh

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
arguments=(--build-arg "VERSION=$version" --secret "id=ca,src=$ca")
if revision=$(git rev-parse HEAD 2>/dev/null); then
    # The commit's time makes two builds of one commit the same, image id included.
    arguments+=(--build-arg "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)")
    [ -z "$(git status --porcelain --untracked-files=no)" ] || revision+=-modified
    arguments+=(--build-arg "REVISION=$revision")
fi

build() { # build SERVICE
    local name=tandem-$1 began=$SECONDS log=$cache/log/image-$1.log sentence container
    mkdir -p "$cache/log" dist
    if ! docker build --progress plain "${arguments[@]}" -f "Dockerfile.$1" -t "$name:$version" . >"$log" 2>&1; then
        sentence=$(sed -n 's/^#[0-9]* [0-9.]* error: //p' "$log" | tail -1)
        [ -n "$sentence" ] || tail -15 "$log" | sed 's/^/    /' >&2
        fail "$name was not built: ${sentence:-the reason stands above}; the whole log is $log"
    fi
    container=$(docker create "$name:$version")
    docker cp -q "$container:/var/lib/db/sbom/$name.cdx.json" "dist/$name-$version.cdx.json"
    docker rm "$container" >/dev/null
    say "$name:$version, $(($(docker image inspect --format '{{.Size}}' "$name:$version") / 1000000)) MB: $((SECONDS - began)) s"
}

[ $# -gt 0 ] || set -- web api
for service; do
    [ -f "Dockerfile.$service" ] || fail "there is no service $service: web and api are"
    build "$service"
done
