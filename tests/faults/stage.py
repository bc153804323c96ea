"""Where the faults happen: a release of both services on the mapped ports, under a load that keeps a ledger."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import urllib3

from tests.cluster.kube import Cluster, Namespace, command, eventually
from tests.cluster.release import Release, Values, ready
from tests.faults import report
from tests.faults.load import Load, load
from tests.faults.nodeports import PORTS

POSTGRESQL = ("development-postgresql", "kind")
SQLITE = ("kind",)
SERVICES = ("web", "api")
FIGURES = pytest.StashKey[list[str]]()  # what is told at the end of a run
RATE = float(os.environ.get("TANDEM_LOAD_RATE", "200"))  # requests/s: less to try a fault on a busy machine


class Stage:
    """A release, and the words in which the faults speak of it."""

    def __init__(self, release: Release, examples: tuple[str, ...], replicas: int) -> None:
        self.release = release
        self.examples = examples
        self.replicas = replicas
        self.cluster: Cluster = release.namespace.cluster
        self.namespace: Namespace = release.namespace
        self.pool = urllib3.PoolManager(retries=False, timeout=5)
        self.figures: list[str] = []

    def install(self, values: Values | None = None) -> None:
        """Install, and wait until both mapped ports answer."""
        self.release.install(values, *self.examples)
        eventually("both services answer at their ports", self.answers, 30)

    def answers(self) -> bool:
        """Whether both services are ready, seen from outside."""
        with suppress(urllib3.exceptions.HTTPError):
            return all(self.get(service, "/readyz").status == 200 for service in SERVICES)
        return False

    def get(self, service: str, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """A request to a mapped port, on a connection of its own."""
        return self.pool.request(
            "GET", f"http://127.0.0.1:{PORTS[service]}{path}", headers={"Connection": "close", **headers}
        )

    def whole(self) -> bool:
        """Whether every replica of both services is ready."""
        return all(ready(self.release, service) >= 1 for service in SERVICES) and [
            len(self.release.pods(service)) for service in SERVICES
        ] == [ready(self.release, service) for service in SERVICES]

    def settle(self) -> None:
        """Wait until everything is as it was installed."""
        eventually("all pods are ready", self.whole, 120)
        eventually("both services answer", self.answers, 30)

    def upgrade(self, values: Values | None = None, seconds: int = 120) -> float:
        """`helm upgrade` with these values on top of the installed ones; the seconds until all is rolled out."""
        return self.release.upgrade(values, *self.examples, timeout=f"{seconds}s")

    def refused_upgrade(self, values: Values, seconds: int) -> str:
        """What Helm says of an upgrade that does not become ready in that time. Fails where it does."""
        try:
            self.upgrade(values, seconds)
        except AssertionError as error:
            return str(error)
        raise AssertionError("the upgrade went through")

    def roll(self, number: int | str) -> float:
        """A new version of both services: every pod is replaced; the seconds that it took."""
        version = {"podAnnotations": {"tandem/version": str(number)}}
        return self.upgrade({"web": version, "api": version})

    @contextmanager
    def load(self, **options: Any) -> Iterator[Load]:
        """A load through the mapped ports while the block runs, held against the database behind it."""
        began = self.restarts()
        with load(PORTS, token=self.release.token(), **{"rate": RATE, **options}) as running:
            yield running
        self.settle()
        running.compare(self.release.token())
        running.restarts = self.restarts() - began

    def restarts(self) -> int:
        """How often a container of the pods that are there was restarted."""
        return sum(count for _, count in self.release.pod_ids())

    def report(self, number: int | str, title: str, run: Load, **extra: str) -> None:
        """Write the report and keep its essence for the end of the run. Raises `AssertionError` on a lost write."""
        table = report.write(f"fault-{number}", f"{number}. {title}", run, extra)
        told = ", ".join(f"{what}: {value}" for what, value in table.items())
        self.figures.append(f"fault {number}, {title}: {told}")
        assert [] == run.violations, told

    def no_failure(self, number: int | str, title: str, run: Load, **extra: str) -> None:
        """A: no failed request, no acknowledged write lost."""
        self.report(number, title, run, **extra)
        examples = [f"{entry.due:.2f} {entry.service} {entry.operation} {entry.kind}" for entry in run.ledger.failed]
        assert not examples, f"{len(examples)} failed: {run.ledger.kinds}, the first: {examples[:5]}"

    def python(self, pod: str, service: str, code: str) -> str:
        """Run Python in a pod's container; what it prints."""
        return self.namespace.kubectl("exec", pod, "--container", service, "--", "/tandem/.venv/bin/python", "-c", code)

    def replaced(self, service: str, old: str) -> Callable[[], bool]:
        """Whether the pod of that name is gone and the service has all its replicas."""
        return lambda: (
            old not in {pod.metadata.name for pod in self.release.pods(service)}
            and ready(self.release, service) == self.replicas
        )

    def says(self, service: str, container: str, text: str) -> None:
        """Wait until a container of that name has left the text in its pod's status, which `kubectl describe` shows."""
        eventually(f"{service}'s {container} says {text!r}", lambda: text in self._messages(service, container), 40)

    def _messages(self, service: str, container: str) -> str:
        return " ".join(
            str(found.message)
            for pod in self.release.pods(service)
            for status in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
            for state in (status.state, status.last_state)
            if status.name == container and state and (found := state.terminated or state.waiting) and found.message
        )


def derived_image(service: str, base: str, name: str, dockerfile: str) -> dict[str, str]:
    """An image on top of the service's own, in every node; its chart values. The Dockerfile's body follows FROM."""
    tag = f"fault-{name}"
    image = f"{base.partition(':')[0]}:{tag}"
    done = subprocess.run(
        ["docker", "build", "--quiet", "--tag", image, "-"],
        input=f"FROM {base}\n{dockerfile}\n", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    command("tools/cluster/load.sh", image, timeout=300)
    return {"tag": tag}
