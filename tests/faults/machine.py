"""The machine's part in the time of an upgrade.

Two shared cores are twice as slow in one hour as in another, and load and cluster are on them too: by themselves the
seconds of an upgrade say little there.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.cluster.kube import Cluster
from tests.cluster.release import Release, Values
from tests.faults.stage import POSTGRESQL, SERVICES, derived_image

# Answers whatever asks, at both ports. As the container `migrate`, which has an argument, it is done at once.
SERVER = r"""
import os, select, signal, socket, sys
if sys.argv[1:]:
    sys.exit()
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
servers = [socket.create_server(("", int(os.environ[name]))) for name in ("PORT", "METRICS_PORT")]
while True:
    for server in select.select(servers, [], [])[0]:
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.close()
"""


@contextmanager
def bare_release(cluster: Cluster, images: dict[str, str]) -> Iterator[Callable[[int], float]]:
    """Upgrades of the same charts, with as many pods, whose containers do nothing; each call makes one: its seconds.

    What these take is Helm's, Kubernetes' and the machine's part, below which no service comes.
    """
    entrypoint = json.dumps(["/tandem/.venv/bin/python", "-S", "-c", SERVER])
    bare = {name: derived_image(name, images[name], "bare", f"ENTRYPOINT {entrypoint}") for name in SERVICES}

    def values(number: int) -> Values:
        version = {"tandem/version": str(number)}
        of_all: Values = {name: {"replicas": 2, "image": bare[name], "podAnnotations": version} for name in SERVICES}
        of_all["api"] |= {"postgresql": {"enabled": False}, "database": {"url": "postgresql://nobody@nowhere/none"}}
        return of_all

    with cluster.namespace("bare") as namespace:
        release = Release(namespace, "bare")
        release.install(values(0), POSTGRESQL[0])
        yield lambda number: release.upgrade(values(number), POSTGRESQL[0])
        release.helm("uninstall", release.name)
