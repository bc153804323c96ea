#!/bin/bash
# `make deploy`: this folder's images and charts into our kind cluster, two replicas each, on a PostgreSQL that comes along.
# Run again it upgrades: a service whose image changed rolls, and nothing else does.
set -euo pipefail
# shellcheck source=cluster/lib.sh
. "$(dirname "$0")/cluster/lib.sh"
began=$SECONDS
"$root/tools/cluster/up.sh"
"$root/tools/images.sh"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/pyproject.toml")
"$root/tools/cluster/load.sh" "tandem-web:$version" "tandem-api:$version" postgres:17
helm=$(tool helm)
kubectl=$(tool kubectl)
"$kubectl" --context "$context" apply -f "$root/k8s/base/namespace.yaml"

# A tag stays while its content changes here, so the content's own name says when a pod has to restart.
content() { docker image inspect --format '{{.Id}}' "tandem-$1:$version"; }
examples=$root/charts/tandem/examples
"$helm" upgrade --install tandem "$root/charts/tandem" --kube-context "$context" --namespace tandem --wait --timeout 3m \
    --values "$examples/development-postgresql.yaml" --values "$examples/kind.yaml" \
    --set-string "web.podAnnotations.tandem/image=$(content web)" \
    --set-string "api.podAnnotations.tandem/image=$(content api)" \
    2> >(grep -v '^level=INFO' >&2)
say "web answers at http://127.0.0.1:8000, api at http://127.0.0.1:8001 ($((SECONDS - began)) s)"
