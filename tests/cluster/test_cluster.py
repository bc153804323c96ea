"""The cluster itself keeps what everything in it relies on."""

import json
from ipaddress import ip_address

import pytest
from kubernetes import client
from kubernetes.utils import FailToCreateError

from tests.cluster.kube import Cluster, Namespace, command, eventually, pod, postgres


def test_nodes_are_ready(cluster: Cluster) -> None:
    """One control plane and two workers, all ready, all of one Kubernetes version."""
    nodes = cluster.core.list_node().items
    ready = {n.metadata.name: c.status for n in nodes for c in n.status.conditions if c.type == "Ready"}

    assert dict.fromkeys(["tandem-control-plane", "tandem-worker", "tandem-worker2"], "True") == ready
    assert len({node.status.node_info.kubelet_version for node in nodes}) == 1


def test_nothing_is_reachable_from_another_machine(cluster: Cluster) -> None:
    """The API server and the two NodePorts are published on 127.0.0.1, and no other port is."""
    published = {
        (port, binding["HostIp"], binding["HostPort"] if port != "6443/tcp" else "any")
        for node in cluster.core.list_node().items
        for port, bindings in json.loads(
            command("docker", "inspect", "--format", "{{json .NetworkSettings.Ports}}", node.metadata.name)
        ).items()
        for binding in bindings or []
    }

    expected = {("6443/tcp", "any"), ("30500/tcp", "8000"), ("30501/tcp", "8001")}
    assert {(port, "127.0.0.1", host) for port, host in expected} == published


def test_make_cluster_again_changes_nothing(cluster: Cluster) -> None:
    """A second `make cluster` leaves the nodes as they are."""
    before = {node.metadata.uid for node in cluster.core.list_node().items}

    assert 'cluster "tandem" is up' in command("tools/cluster/up.sh")
    assert before == {node.metadata.uid for node in cluster.core.list_node().items}


def test_a_restricted_namespace_refuses_root(namespace: Namespace) -> None:
    """Each test's namespace holds pods to Pod Security "restricted"."""
    manifest = pod("root", "true")
    manifest["spec"]["securityContext"] = {"runAsUser": 0}

    with pytest.raises(FailToCreateError, match="restricted"):
        namespace.create(manifest)


def test_dns(namespace: Namespace) -> None:
    """A service is found by its name, from its own namespace and from outside it."""
    namespace.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "somewhere"},
            "spec": {"selector": {"app": "somewhere"}, "ports": [{"port": 80}]},
        }
    )
    address = namespace.core.read_namespaced_service("somewhere", namespace.name).spec.cluster_ip
    names = ["somewhere", f"somewhere.{namespace.name}", f"somewhere.{namespace.name}.svc.cluster.local"]

    wrote = namespace.run(pod("lookup", "getent", "ahostsv4", *names))

    assert [address] * len(names) == [line.split()[0] for line in wrote.splitlines() if "STREAM" in line]


def test_a_volume_survives_its_pod(namespace: Namespace) -> None:
    """What a pod writes to a claim of the default storage class, as the services' uid, the next pod reads."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    namespace.create(claim)

    namespace.run(pod("writer", "sh", "-c", "echo kept > /data/file", mounts={"data": "/data"}, volumes=[volume]))
    namespace.remove("writer")

    assert "kept\n" == namespace.run(pod("reader", "cat", "/data/file", mounts={"data": "/data"}, volumes=[volume]))


def reach_each_other(cluster: Cluster, namespace: Namespace) -> None:
    """Both ways between the workers, straight and through a service, with answers larger than any packet."""
    first, second = cluster.workers()
    for name, node in (("one", first), ("two", second)):
        namespace.create(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name},
                "spec": {"selector": {"app": name}, "ports": [{"port": 5432}]},
            }
        )
        namespace.create(postgres(name, node))
    address = {name: namespace.wait_ready(name).status.pod_ip for name in ("one", "two")}

    query = "select length(repeat('x', 1000000)), repeat('x', 1000000)"
    for name, node in (("one", second), ("two", first)):
        for way, host in (("straight", address[name]), ("service", name)):
            script = f'psql -h {host} -U postgres -Atc "{query}" | wc -c'
            wrote = namespace.run(pod(f"to-{name}-{way}", "sh", "-c", script, node=node, env={"PGPASSWORD": "test"}))
            assert len("1000000|\n") + 1_000_000 == int(wrote)


def test_pods_on_different_workers_reach_each_other(cluster: Cluster, namespace: Namespace) -> None:
    """Both ways between the workers, straight and through a service, with answers larger than any packet."""
    reach_each_other(cluster, namespace)


def test_nodes_that_come_back_with_each_others_addresses(cluster: Cluster, namespace: Namespace) -> None:
    """What a restart of the machine does: the nodes end without a word, and the engine deals their addresses anew."""
    names = [node.metadata.name for node in cluster.core.list_node().items]
    where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"

    def addresses() -> dict[str, str]:
        return dict(zip(names, command("docker", "inspect", "--format", where, *names).split(), strict=True))

    before = addresses()
    command("docker", "kill", *names)
    lowest, *others = sorted(names, key=lambda name: ip_address(before[name]))
    command("docker", "start", *others, lowest)
    after = addresses()
    assert all(before[name] != after[name] for name in names), (before, after)

    assert 'cluster "tandem" is up' in command("tools/cluster/up.sh", timeout=300)
    known = {
        node.metadata.name: next(a.address for a in node.status.addresses if a.type == "InternalIP")
        for node in cluster.core.list_node().items
    }
    assert after == known
    reach_each_other(cluster, namespace)


def test_metrics_are_served(cluster: Cluster) -> None:
    """`kubectl top nodes` has a figure for every node, which is what an HPA scales by."""

    def measured() -> set[str]:
        try:
            answer = cluster.custom.list_cluster_custom_object("metrics.k8s.io", "v1beta1", "nodes")
        except client.ApiException:
            return set()  # metrics-server has not measured twice yet
        return {node["metadata"]["name"] for node in answer["items"]}

    nodes = {node.metadata.name for node in cluster.core.list_node().items}
    eventually("every node is measured", lambda: nodes == measured(), seconds=90)
    assert nodes == {line.split()[0] for line in cluster.kubectl("top", "nodes", "--no-headers").splitlines()}


def test_network_policies_are_enforced(cluster: Cluster, policies_enforced: bool) -> None:
    """Where the cluster's network has an engine for NetworkPolicy, a policy that denies does deny."""
    offline = cluster.core.list_namespaced_pod("kube-system", label_selector="app=pod-network").items
    if offline:
        assert not policies_enforced
        pytest.skip("policy enforcement: this cluster has no engine for it")
    assert policies_enforced
