# What is known of the cluster, for up.sh, down.sh and load.sh: sourced, never run.
# shellcheck shell=bash
# shellcheck source=../../offline/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../offline/lib.sh"
cluster=tandem
control_plane=$cluster-control-plane
export context=kind-$cluster
# A network of our own marks the cluster as ours from its first moment, and goes away with it; kind's would stay behind.
network=tandem-cluster
network_label=tandem.cluster=made-by-make-cluster
state=/kind/tandem # in the control plane, once the cluster is whole: the recipe's hash, and the context that was current before

tool() { "$root/tools/cluster/tool.sh" "$1"; }

# alone: wait for another run of these scripts to end, where the machine has flock.
alone() {
    mkdir -p "$cache"
    exec 9>"$cache/cluster.lock"
    if command -v flock >/dev/null && ! flock -n 9; then
        say "waiting for another run to end"
        flock 9
    fi
}

nodes() { docker ps -aq --filter "label=io.x-k8s.kind.cluster=$cluster"; }
running_nodes() { docker ps -q --filter "label=io.x-k8s.kind.cluster=$cluster"; }
our_network() { docker network ls -q --filter "label=$network_label" --filter "name=^$network\$"; }

# ours: every node of the cluster is in our network.
ours() {
    local node
    [ -n "$(our_network)" ] || return 1
    for node in $(nodes); do
        grep -qw "$network" <<<"$(docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' "$node")" || return 1
    done
}
saved_state() { docker cp "$control_plane:$state" - 2>/dev/null | tar -xO 2>/dev/null; } # works on a stopped node too
refuse_foreign() {
    [ -z "$(nodes)" ] || ours ||
        fail "a kind cluster called \"$cluster\" is here that make cluster did not make: remove it (kind delete cluster --name $cluster) or give yours another name"
}

remove_cluster() {
    local previous now kind kubectl
    kind=$(tool kind)
    kubectl=$(tool kubectl)
    previous=$(saved_state | sed -n 2p)
    "$kind" delete cluster --name "$cluster" --quiet
    [ -z "$(our_network)" ] || docker network rm "$network" >/dev/null
    # kind takes its context away and leaves none current: give back the one that was.
    now=$("$kubectl" config current-context 2>/dev/null || true)
    if [ -n "$previous" ] && [ -z "$now" ]; then "$kubectl" config use-context "$previous" >/dev/null 2>&1 || true; fi
}
