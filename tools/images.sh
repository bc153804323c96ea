#!/bin/bash
# usage: tools/images.sh [web|api]… (both where none is named)
# Builds tandem-web and tandem-api, tagged with pyproject.toml's version, and leaves their bills of materials in dist/.
# PLATFORM=linux/arm64 builds for another machine, tagged VERSION-arm64; tools/push.sh puts them together.
# CA_BUNDLE=FILE adds the certificates of a company's network for the build; pip's own setting is used where it stands.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=../offline/lib.sh
. offline/lib.sh

need_engine
docker buildx version >/dev/null 2>&1 ||
    fail "docker has no buildx, which builds the images: install it (on Debian: apt-get install docker-buildx)"
# shellcheck source=build-env.sh
. tools/build-env.sh
offline/base-images.sh

arguments=(--secret "id=ca,src=$CA_BUNDLE" --build-arg "VERSION=$version" --build-arg "REVISION=$REVISION")
# The commit's time as the image's: two builds of one commit have the same id.
[ "$REVISION" = unknown ] || arguments+=(--build-arg "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)")

tag=$version
if [ -n "${PLATFORM:-}" ]; then
    tag+=-${PLATFORM##*/}
    arguments+=(--platform "$PLATFORM")
    if [ "$(world)" = offline ]; then
        [ "${PLATFORM##*/}" = "$(dpkg --print-architecture)" ] || command -v arch-test >/dev/null ||
            fail "mmdebstrap makes no Debian for $PLATFORM without arch-test: apt-get install arch-test, then run this again"
        offline/debian.sh trixie "${PLATFORM##*/}"
        arguments+=(--build-context "debian:trixie-slim=docker-image://debian:trixie-slim-${PLATFORM##*/}")
    fi
fi

build() { # build SERVICE
    local name=tandem-$1 began=$SECONDS log=$cache/log/image-$1-$tag.log sentence container
    mkdir -p "$cache/log" dist
    if ! docker build --progress plain "${arguments[@]}" -f "Dockerfile.$1" -t "$name:$tag" . >"$log" 2>&1; then
        sentence=$(sed -n 's/^#[0-9]* [0-9.]* error: //p' "$log" | tail -1)
        [ -n "$sentence" ] || tail -15 "$log" | sed 's/^/    /' >&2
        fail "$name was not built: ${sentence:-the reason stands above}; the whole log is $log"
    fi
    container=$(docker create "$name:$tag")
    docker cp -q "$container:/var/lib/db/sbom/$name.cdx.json" "dist/$name-$tag.cdx.json"
    docker rm "$container" >/dev/null
    say "$name:$tag, $(($(docker image inspect --format '{{.Size}}' "$name:$tag") / 1000000)) MB: $((SECONDS - began)) s"
}

[ $# -gt 0 ] || set -- web api
for service; do
    [ -f "Dockerfile.$service" ] || fail "there is no service $service: web and api are"
done

# Side by side: what both share is built once, and while psycopg is compiled there is work for a second core.
building=()
# shellcheck disable=SC2329  # called by offline/lib.sh's trap
clean_up() { for group in "${building[@]}"; do kill -- "-$group" 2>/dev/null || true; done; }
set -m # a process group for each, to be ended as one
for service; do
    build "$service" </dev/null &
    building+=($!)
done
set +m
failed=0
for group in "${building[@]}"; do wait "$group" || failed=1; done
exit $failed
