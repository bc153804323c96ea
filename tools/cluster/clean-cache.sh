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
else
    say "nothing is kept in $cache"
fi
docker info >/dev/null 2>&1 || exit 0
docker images --filter "label=$label" --format '{{.Repository}}:{{.Tag}} {{.Size}}' | while read -r image size; do
    case $image in *'<none>'*) continue ;; esac
    if docker rmi "$image" >/dev/null 2>&1; then say "removed the image $image, $size"; else say "kept the image $image, $size, which is in use"; fi
done
