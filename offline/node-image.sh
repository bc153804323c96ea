#!/bin/bash
# The image of a Kubernetes node, kindest/node:$KUBERNETES, built from Go modules and Debian packages alone, for a machine
# that reaches no container registry. Takes a second when the image is there; an interrupted build goes on where it was.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_engine
image=kindest/node:$KUBERNETES
versions="$KUBERNETES $COREDNS $LOCAL_PATH_PROVISIONER $METRICS_SERVER"
programs_recipe=$(hash_of "$offline"/programs/*.sh "$offline"/programs/*/* <(echo "$versions"))
recipe=$(hash_of "$offline"/node/* "$0" <(echo "$programs_recipe $KIND"))
wanted "$image" "$recipe" || exit 0

say "no container registry can be reached: building $image, up to 25 minutes the first time"
need_go "$image"
mkdir -p "$cache"
need_disk "$cache" 12
need_engine_disk 8
programs=$cache/programs/$programs_recipe
if [ ! -e "$programs/complete" ]; then
    step "compile Kubernetes $KUBERNETES, CoreDNS, metrics-server and the volume provisioner" "$offline/programs/build.sh" "$programs"
    touch "$programs/complete"
    # kubectl is one of them: tool.sh need not build it again.
    mkdir -p "$cache/bin"
    ln -f "$programs/kube" "$cache/bin/kubectl-$KUBERNETES"
fi
"$offline/debian.sh" bookworm

work=$(mktemp -d)
container=
clean_up() {
    rm -rf "$work"
    [ -z "$container" ] || docker rm -fv "$container" >/dev/null
}

build_images() {
    local kind_module target
    kind_module=$(module_field "sigs.k8s.io/kind@$KIND" Dir)
    docker build --network host --target base --build-arg BASE_IMAGE=debian:bookworm-slim \
        --label "$label=$recipe" -t tandem-offline/kind-base "$kind_module/images/base"
    # kind expects a default storage class called `standard`.
    sed -e 's#image: rancher/.*#image: tandem-offline/local-path-provisioner:latest#' \
        -e 's#image: busybox.*#image: tandem-offline/system:latest#' \
        -e 's#^  name: local-path$#  name: standard\n  annotations: {storageclass.kubernetes.io/is-default-class: "true"}#' \
        "$(module_field "github.com/rancher/local-path-provisioner@$LOCAL_PATH_PROVISIONER" Dir)/deploy/local-path-storage.yaml" >"$work/storage.yaml"
    for target in kube system coredns metrics-server local-path-provisioner pause node; do
        docker build --network host --target $target --build-arg "KUBERNETES=$KUBERNETES" --label "$label=$recipe" \
            --build-context "programs=$programs" --build-context "storage=$work" \
            --build-context kind-base=docker-image://tandem-offline/kind-base \
            -t "tandem-offline/$target" "$offline/node"
    done
}
step "build the images of a node" build_images

# kubeadm names the images it wants; each of its own programs is the same one.
image_of() {
    case $1 in
        */coredns*) echo coredns ;;
        */metrics-server*) echo metrics-server ;;
        */pause*) echo pause ;;
        */kube-proxy*) echo system ;;
        *) echo kube ;;
    esac
}
ln -s "$programs/kube" "$work/kubeadm"
mapfile -t names < <("$work/kubeadm" config images list --kubernetes-version "$KUBERNETES" 2>/dev/null)
[ ${#names[@]} -ge 7 ] || fail "kubeadm $KUBERNETES names ${#names[@]} images, which is too few: run $work/kubeadm config images list"
names+=("registry.k8s.io/pause:offline" "registry.k8s.io/metrics-server/metrics-server:$METRICS_SERVER")

# The images go into the node's own containerd, so that kubeadm finds them there and pulls nothing.
fill_node() {
    local name images=(tandem-offline/{kube,system,coredns,metrics-server,local-path-provisioner,pause})
    docker exec -d "$container" containerd
    until docker exec "$container" ctr version >/dev/null 2>&1; do sleep 0.2; done
    docker save "${images[@]}" | docker exec -i "$container" ctr -n k8s.io images import --all-platforms --no-unpack --digests -
    for name in "${names[@]}"; do
        docker exec "$container" ctr -n k8s.io images tag "docker.io/tandem-offline/$(image_of "$name"):latest" "$name"
    done
    docker exec "$container" sh -c 'kill $(pidof containerd); while pidof containerd; do sleep 0.1; done'
    docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' --change "LABEL $label=$recipe" "$container" "$image"
}
container=$(docker run -d --privileged --entrypoint sleep tandem-offline/node infinity)
step "fill the node with its images" fill_node
