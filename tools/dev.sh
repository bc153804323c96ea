#!/bin/bash
# `make dev`: skaffold dev in the cluster that make cluster makes, after everything that would make it fail or wait has been
# looked at. PROFILE=postgres (or another of skaffold.yaml's) chooses a profile.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=cluster/lib.sh
. tools/cluster/lib.sh
# shellcheck source=build-env.sh
. tools/build-env.sh

command -v skaffold >/dev/null || fail "no skaffold on the PATH: install it (https://skaffold.dev/docs/install), then run this again"
need_engine

# A broken file ends here, with skaffold's first sentence about it.
export SKAFFOLD_UPDATE_CHECK=false
[ "$CA_BUNDLE" != /dev/null ] || unset CA_BUNDLE # else it turns on the profile `ca`
said=$(skaffold diagnose --yaml-only ${PROFILE:+--profile "$PROFILE"} 2>&1 >/dev/null) ||
    fail "skaffold cannot use skaffold.yaml: $(head -1 <<<"$said")"

for port in 5000 5001; do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
        fail "port $port on 127.0.0.1 is taken (find out by what: ss -ltnp 'sport = :$port'): free it, then run this again"
done

kubectl=$(tool kubectl)
current=$("$kubectl" config current-context 2>/dev/null || true)
[ -z "$current" ] || [ "$current" = "$context" ] ||
    fail "the current kube context is $current, and make dev deploys to $context alone: kubectl config use-context $context, then run this again"
tools/cluster/up.sh
offline/base-images.sh
"$kubectl" --context "$context" apply -f k8s/base/namespace.yaml >/dev/null

# Looked for ten times a second: `notify` collects for a whole second. Without skaffold's own cache, whose key leaves out
# what a Dockerfile mounts (images/); BuildKit's knows it and costs a second.
for name in helm kind kubectl; do PATH=$(dirname "$(tool "$name")"):$PATH; done # skaffold calls them
exec skaffold dev ${PROFILE:+--profile "$PROFILE"} \
    --trigger polling --watch-poll-interval 100 --cache-artifacts=false
