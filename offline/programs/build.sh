#!/bin/bash
# build.sh FOLDER: compile the programs of a node into FOLDER, from Go modules alone.
set -euo pipefail
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
out=$1
work=$out/src
mkdir -p "$work"
cp -r "$(dirname "$0")"/*/ "$work"
cd "$work"

# k8s.io/kubernetes asks for its sibling modules at v0.0.0, which is nowhere; each is published as v0.<minor>.<patch>.
# CoreDNS and metrics-server are built against the same ones, so that they are compiled once.
export GOFLAGS=-mod=mod CGO_ENABLED=0
kubernetes_mod=$(module_field "k8s.io/kubernetes@$KUBERNETES" GoMod)
{
    echo "module tandem/offline"
    grep '^go ' "$kubernetes_mod"
    echo "require k8s.io/kubernetes $KUBERNETES"
    echo "require github.com/coredns/coredns $COREDNS"
    echo "require sigs.k8s.io/metrics-server $METRICS_SERVER"
    sed -n "s#^\s*\(k8s.io/[a-z-]*\) v0\.0\.0\$#replace \1 => \1 v0${KUBERNETES#v1}#p" "$kubernetes_mod" | sort -u
} >go.mod

minor=${KUBERNETES#v1.}
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$KUBERNETES -X $package.gitMajor=1 -X $package.gitMinor=${minor%.*} -X $package.gitTreeState=clean"
done
go build -buildvcs=false -trimpath -ldflags "$flags" -o "$out/" ./...
# Not against the same ones: it spells a package that etcd uses too with a capital letter, which cannot be linked twice.
GOFLAGS='' GOBIN=$out go install -trimpath -ldflags '-s -w' "github.com/rancher/local-path-provisioner@$LOCAL_PATH_PROVISIONER"
