#!/bin/sh
# usage: libraries.sh ROOT…
# Fails, naming it, where a program or library below the ROOTs, which one image joins, needs a library that none of them has.
set -eu
find "$@" -name '*.so*' -printf '%f\n' | sort -u > /tmp/present
find "$@" -type f \( -name '*.so*' -o -perm /111 \) | while read -r file; do
    [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
    patchelf --print-needed "$file" | sed "s|\$| $file|"
done > /tmp/needed
[ -s /tmp/needed ] || { echo "error: no program was found below $*" >&2; exit 1; }
missing=$(awk 'NR == FNR { present[$1]; next } !($1 in present) { print $1, "for", $2 }' /tmp/present /tmp/needed)
[ -z "$missing" ] || { echo "error: the image lacks a library: $missing" >&2; exit 1; }
