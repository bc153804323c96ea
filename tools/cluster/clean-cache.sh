#!/bin/bash
# `make clean-cache`: free what Tandem keeps outside the checkout: the user's cache folder, and the images that
# offline/ built and no container uses.
set -euo pipefail
# shellcheck source=../../offline/lib.sh
. "$(dirname "$0")/../../offline/lib.sh"
if [ -d "$cache" ]; then
    say "freeing $(du -sh "$cache" | cut -f1) in $cache"
    chmod -R u+w "$cache" # Go makes its downloaded modules read-only
    rm -rf "$cache"
fi
docker info >/dev/null 2>&1 || exit 0
for image in $(docker images --filter "label=$label" --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>'); do
    if docker rmi "$image" >/dev/null 2>&1; then say "removed the image $image"; else say "kept the image $image, which is in use"; fi
done
