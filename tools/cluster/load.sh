#!/bin/bash
# load.sh IMAGE...: put images of the engine into every node of our cluster, where they are not there yet.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_engine
refuse_foreign
[ -n "$(running_nodes)" ] || fail "the cluster \"$cluster\" is not up: make cluster"
kind=$(tool kind)
for image in "$@"; do
    image_exists "$image" || fail "the engine has no image $image: make images"
    "$kind" load docker-image --name "$cluster" --quiet "$image"
done
