#!/bin/bash
# The images that the Dockerfiles and Compose start from: pulled where a registry can be reached, else built from the Debian
# mirror under the same names. Seconds when they are there already.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_engine
world=$(world)
if [ "$world" = registry ]; then
    say "a container registry can be reached: the base images come from there"
    for image in debian:trixie-slim postgres:17; do
        image_exists $image || step "pull $image" docker pull -q $image
    done
    exit
fi
say "no container registry can be reached: the base images are built from the Debian mirror"
"$offline/debian.sh" trixie
recipe=$(hash_of "$offline"/postgres/* "$offline/debian.sh")
if wanted postgres:17 "$recipe"; then
    step "build postgres:17 from Debian's package" \
        docker build --network host --label "$label=$recipe" -t postgres:17 "$offline/postgres"
fi
