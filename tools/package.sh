#!/bin/bash
# The charts as archives that install without this folder: dist/charts/{web,api,tandem}-VERSION.tgz
set -euo pipefail
# shellcheck source=../offline/lib.sh
. "$(dirname "$0")/../offline/lib.sh"
helm=$("$root/tools/cluster/tool.sh" helm)
mkdir -p "$root/dist/charts"
for chart in web api tandem; do
    # Of each chart that is linked into another Helm says so, which is not worth a line here.
    "$helm" package "$root/charts/$chart" --destination "$root/dist/charts" 2> >(grep -v '^level=INFO' >&2) |
        sed "s,.*$root/,,"
done
