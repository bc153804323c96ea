#!/bin/bash
# tool.sh helm|kind|kubectl|actionlint: print the path of that program at the version in offline/versions.env. From the PATH
# where it is there; else built once from its Go module into the user's cache folder.
set -euo pipefail
# shellcheck source=../../offline/lib.sh
. "$(dirname "$0")/../../offline/lib.sh"
name=${1:-}
case $name in
    helm) version=$HELM accepted="v${HELM:1:1}." found=$(helm version --template '{{.Version}}' 2>/dev/null || true) ;;
    kind) version=$KIND accepted=${KIND%.*}. found=$(kind version 2>/dev/null | grep -o 'v[0-9.]*' | head -1 || true) ;;
    actionlint) version=$ACTIONLINT accepted=${ACTIONLINT#v} found=$(actionlint -version 2>/dev/null | sed -n '1s/^v*//p' || true) ;;
    kubectl) version=$KUBERNETES accepted=${KUBERNETES%.*}. found=$(kubectl version --client 2>/dev/null | sed -n 's/^Client Version: //p' || true) ;;
    *) fail "usage: tool.sh helm|kind|kubectl|actionlint" ;;
esac
if [ "${found#"$accepted"}" != "$found" ]; then command -v "$name"; exit; fi

built=$cache/bin/$name-$version
link() { ln -sfn "$name-$version" "$cache/bin/$name"; echo "$cache/bin/$name"; }
if [ -x "$built" ]; then link; exit; fi

need_go "$name $version"
mkdir -p "$cache/bin"
# Processes that share the tests ask for it at once: one builds, the others wait for it, where the machine has flock.
if command -v flock >/dev/null; then
    exec 8>"$cache/$name.lock"
    flock 8
    if [ -x "$built" ]; then link; exit; fi
fi
need_disk "$cache" 4
work=$(mktemp -d "$cache/bin/.new-XXXX")
clean_up() { rm -rf "$work"; }
export CGO_ENABLED=0 GOBIN=$work GOFLAGS=-buildvcs=false

build() {
    case $name in
        helm) go install -trimpath -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=$version" "helm.sh/helm/v4/cmd/helm@$version" ;;
        kind) go install -trimpath -ldflags '-s -w' "sigs.k8s.io/kind@$version" ;;
        actionlint) go install -trimpath -ldflags '-s -w' "github.com/rhysd/actionlint/cmd/actionlint@$version" ;;
        kubectl)
            cp "$root/tools/cluster/kubectl/main.go" "$work"
            cd "$work"
            # The staging modules of Kubernetes v1.x.y are published as v0.x.y.
            printf '%s\n' 'module tandem/kubectl' 'go 1.26.0' "require k8s.io/kubectl v0${version#v1}" >go.mod
            go build -mod=mod -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/client-go/pkg/version.gitVersion=$version" -o kubectl .
            ;;
    esac
}
step "build $name $version" build >&2 8>&-
mv "$work/$name" "$built"
link
