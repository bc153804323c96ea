#!/bin/sh
# usage: app.sh ROOT
# Finishes the code below ROOT/tandem: compiled, and with the folder /data for a volume, which takes its owner over.
set -eu
here=$(dirname "$0")
root=$1
find "$root/tandem/apps" -name 'requirements*.txt' -delete
sh "$here/compile.sh" "$root" "$root/tandem/apps"
install -d -o 65532 -g 65532 -m 750 "$root/data"
sh "$here/settle.sh" "$root"
