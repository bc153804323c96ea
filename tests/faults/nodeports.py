"""The two NodePorts that k8s/kind.yaml maps to 127.0.0.1:8000 and :8001: one user of them at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.kube import Cluster

LOCK = Path("/tmp/tandem-nodeports.lock")  # noqa: S108 # of the machine, as the ports are
NODE_PORTS = {"web": 30500, "api": 30501}
PORTS = {"web": 8000, "api": 8001}  # on 127.0.0.1


@contextmanager
def reserved(cluster: Cluster) -> Iterator[None]:
    """The ports for us alone; whoever else takes the lock waits. What `make deploy` has there gets them back after."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        holders = [
            service
            for service in cluster.core.list_service_for_all_namespaces().items
            if any(port.node_port in NODE_PORTS.values() for port in service.spec.ports)
        ]
        try:
            for service in holders:
                _patch(cluster, service, {"type": "ClusterIP"})
            yield
        finally:
            for service in holders:
                ports = [{"port": port.port, "nodePort": port.node_port} for port in service.spec.ports]
                _patch(cluster, service, {"type": "NodePort", "ports": ports})


def _patch(cluster: Cluster, service: object, spec: dict[str, object]) -> None:
    where = service.metadata  # type: ignore[attr-defined]
    cluster.core.patch_namespaced_service(where.name, where.namespace, {"spec": spec})
