#!/bin/bash
# `make cluster`: a kind cluster of three nodes called tandem, with metrics-server. Does nothing where it is up.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
began=$SECONDS
need_engine
alone
refuse_foreign
kind=$(tool kind)
manifest=$root/tools/cluster/metrics-server.yaml
config=$root/k8s/kind.yaml
world=$(world)

if [ -n "$(nodes)" ] && [ -z "$(saved_state)" ]; then
    say "a run that was cut off left half a cluster: removing it"
    remove_cluster
fi

check_ports() {
    local port
    while read -r port; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            fail "port $port on 127.0.0.1 is taken (find out by what: ss -ltnp 'sport = :$port'): free it, then run this again"
        fi
    done < <(sed -n 's/.*hostPort: \([0-9]*\).*/\1/p' "$config")
}

if [ -z "$(nodes)" ]; then
    check_ports
    need_engine_disk 5
fi
options=(--config "$config" --wait 180s)
if [ "$world" = offline ]; then
    "$offline/node-image.sh"
    options+=(--image "kindest/node:$KUBERNETES")
fi
# shellcheck disable=SC2153  # the versions of offline/versions.env
recipe=$(hash_of "$config" "$manifest" <(echo "$world $KIND $KUBERNETES $METRICS_SERVER $(recipe_of "kindest/node:$KUBERNETES")"))
kubectl=$(tool kubectl)
tool helm >/dev/null

# kind would overwrite a context of its name without asking; one that leads to another machine is surely someone's.
check_context() {
    local server
    server=$("$kubectl" config view -o "jsonpath={.clusters[?(@.name=='$context')].cluster.server}" 2>/dev/null || true)
    case $server in
        '' | https://127.0.0.1:* | https://localhost:*) ;;
        *) fail "your kubeconfig has a context $context for $server, which make cluster did not make: rename it (kubectl config rename-context), then run this again" ;;
    esac
}

# Whether every node has reported since its container was started: until then the API tells how things were before.
reported() {
    local renewed node started
    renewed=$("$kubectl" --context "$context" get leases --namespace kube-node-lease --request-timeout 5s \
        -o 'jsonpath={range .items[*]}{.metadata.name} {.spec.renewTime}{"\n"}{end}') || return 1
    while read -r node started; do
        [[ $(sed -n "s/^$node //p" <<<"$renewed") > $started ]] || return 1
    done < <(nodes | xargs docker inspect --format '{{slice .Name 1}} {{.State.StartedAt}}')
}

# A node is Ready a little before its services and DNS are. metrics-server takes longer still, and nothing starts by it.
wait_ready() {
    for _ in $(seq 60); do reported 2>/dev/null && break; sleep 1; done
    "$kubectl" --context "$context" wait --for=condition=Ready nodes --all --timeout=60s &&
        "$kubectl" --context "$context" wait --namespace kube-system --for=condition=Ready pods --selector 'app!=metrics-server' --timeout=120s
}

create() {
    # With the MTU of the engine's default bridge, as kind gives to the network it makes itself.
    local mtu
    mtu=$(docker network inspect bridge --format '{{index .Options "com.docker.network.driver.mtu"}}')
    [ -n "$(our_network)" ] ||
        docker network create --label "$network_label" -o com.docker.network.bridge.enable_ip_masquerade=true \
            -o "com.docker.network.driver.mtu=${mtu:-1500}" "$network"
    KIND_EXPERIMENTAL_DOCKER_NETWORK=$network "$kind" create cluster "${options[@]}"
    wait_ready
}

install_metrics_server() {
    local image=registry.k8s.io/metrics-server/metrics-server:$METRICS_SERVER
    if [ "$world" = registry ]; then # the nodes of the other world hold it already
        image_exists "$image" || docker pull -q "$image"
        "$kind" load docker-image --name "$cluster" "$image"
    fi
    sed "s#METRICS_SERVER_IMAGE#$image#" "$manifest" | "$kubectl" --context "$context" apply -f -
}

if [ -z "$(nodes)" ]; then
    check_context
    previous=$("$kubectl" config current-context 2>/dev/null || true)
    # Nothing half-made is left behind, whatever ends this.
    # shellcheck disable=SC2329 # offline/lib.sh calls it
    clean_up() { say "removing what was begun"; remove_cluster >/dev/null 2>&1 || true; }
    step "make three nodes of Kubernetes (kind)" create
    step "install metrics-server" install_metrics_server
    printf '%s\n' "$recipe" "$previous" | docker exec -i "$control_plane" tee "$state" >/dev/null
    clean_up() { :; }
else
    if [ "$(running_nodes | wc -l)" != "$(nodes | wc -l)" ]; then
        say "the nodes are stopped: starting them"
        nodes | xargs docker start >/dev/null
    fi
    "$kind" export kubeconfig --name "$cluster" --quiet
    wait_ready >/dev/null 2>&1 || fail "the cluster is there but its nodes are not ready: make cluster-down, then make cluster"
    [ "$(saved_state | sed -n 1p)" = "$recipe" ] ||
        say "the cluster was made from another k8s/kind.yaml or another node image than these: make cluster-down cluster makes it anew"
fi

say "cluster \"$cluster\" is up ($((SECONDS - began)) s): kubectl get nodes; its ports are http://127.0.0.1:8000 (web) and :8001 (api)"
say "kubectl, helm and kind: $(dirname "$kubectl"); the cache $cache holds $(du -sh "$cache" | cut -f1) (make clean-cache frees it)"
