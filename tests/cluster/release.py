"""A Helm release in a test's namespace, and the words in which the chart tests speak of it."""

import base64
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from tests.cluster.kube import CONTEXT, ROOT, Namespace, eventually, tool

CHARTS = ROOT / "charts"
EXAMPLES = CHARTS / "tandem" / "examples"
PORTS = {"web": 5000, "api": 5001}
Values = dict[str, Any]


class Release:
    """One release of one of the charts."""

    def __init__(self, namespace: Namespace, name: str = "demo", chart: str = "tandem") -> None:
        self.namespace = namespace
        self.name = name
        self.chart = CHARTS / chart

    def helm(self, *arguments: str, timeout: float = 240) -> str:
        """What Helm prints. Raises `AssertionError` with what it says where it fails."""
        where = ["--namespace", self.namespace.name, "--kube-context", CONTEXT]
        done = subprocess.run(
            [tool("helm"), *arguments, *where], cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout
        )
        assert done.returncode == 0, re.sub(r"(?m)^level=INFO.*\n", "", done.stderr)
        return done.stdout

    def install(self, values: Values | None = None, *examples: str, timeout: str = "120s") -> float:
        """`helm install --wait`; the seconds that it took."""
        return self._timed("install", values, examples, timeout)

    def upgrade(self, values: Values | None = None, *examples: str, timeout: str = "120s") -> float:
        """`helm upgrade --wait` with these values and no others; the seconds that it took."""
        return self._timed("upgrade", values, examples, timeout)

    def _timed(self, verb: str, values: Values | None, examples: tuple[str, ...], timeout: str) -> float:
        files = [argument for name in examples for argument in ("--values", str(EXAMPLES / f"{name}.yaml"))]
        began = time.monotonic()
        given = ["--set-json", json.dumps(values)] if values else []
        self.helm(verb, self.name, str(self.chart), *files, *given, "--wait", "--timeout", timeout)
        return time.monotonic() - began

    def test(self) -> str:
        """`helm test`, and what its pods wrote."""
        return self.helm("test", self.name, "--logs", "--timeout", "60s")

    def notes(self) -> list[str]:
        """The lines of NOTES.txt."""
        return [line.strip() for line in self.helm("get", "notes", self.name).splitlines()]

    def secret(self, name: str, key: str) -> str:
        """One value of a Secret."""
        data = self.namespace.core.read_namespaced_secret(name, self.namespace.name).data
        return base64.b64decode(data[key]).decode()

    def pods(self, service: str) -> list[Any]:
        """The service's pods that are not being deleted, as the API has them."""
        selector = f"app.kubernetes.io/name={service},app.kubernetes.io/instance={self.name}"
        found = self.namespace.core.list_namespaced_pod(self.namespace.name, label_selector=selector).items
        return [each for each in found if each.metadata.deletion_timestamp is None]

    def pod_ids(self) -> set[tuple[str, int]]:
        """Which pods run, and how often their containers were restarted: alike before and after where nothing was."""
        return {
            (pod.metadata.uid, sum(status.restart_count for status in pod.status.container_statuses))
            for service in PORTS
            for pod in self.pods(service)
        }

    @contextmanager
    def reach(self, service: str) -> Iterator["Client"]:
        """A client of the service, by a port-forward of its own that lasts as long as one of the pods."""
        with forwarded(self.namespace, f"service/{self.name}-{service}", PORTS[service]) as port:
            yield Client(f"http://127.0.0.1:{port}", self.token() if service == "api" else None)

    def token(self) -> str:
        """The token that web sends."""
        environment = self.pods("api")[0].spec.containers[0].env
        (reference,) = [entry.value_from.secret_key_ref for entry in environment if entry.name == "API_TOKEN"]
        return self.secret(reference.name, reference.key).split(",")[0]


class Client:
    """HTTP to one service; sends the token where it has one."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(headers=headers, retries=False, timeout=5)

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        """GET, whatever the status."""
        return self._pool.request("GET", self.url + path)

    def add_user(self, name: str) -> int:
        """Create a user of that name; its id."""
        answer = self._pool.request("POST", f"{self.url}/users", json={"name": name, "email": f"{name}@example.org"})
        assert answer.status == 201, answer.data
        return int(answer.json()["id"])

    def names(self) -> list[str]:
        """The names of the first hundred users."""
        answer = self.get("/users")
        assert answer.status == 200, answer.data
        return [user["name"] for user in answer.json()]


@contextmanager
def forwarded(namespace: Namespace, target: str, port: int) -> Iterator[int]:
    """A local port that leads to the target's port, by `kubectl port-forward`."""
    local = free_port()
    arguments = ["--context", CONTEXT, "--namespace", namespace.name, "port-forward", target, f"{local}:{port}"]
    process = subprocess.Popen([tool("kubectl"), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(f"port-forward to {target}", lambda: listening(local), 20)
        yield local
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port that nothing on this machine listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def listening(port: int) -> bool:
    """Whether something on this machine takes connections at that port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


class Shell:
    """A person's shell: bash, whose kubectl and helm speak to this cluster and namespace without a flag."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        view = namespace.cluster.kubectl("config", "view", "--minify", "--flatten")
        config = folder / "kubeconfig"
        config.write_text(view)
        config.chmod(0o600)
        self.environment = os.environ | {
            "KUBECONFIG": str(config),
            "PATH": f"{Path(tool('kubectl')).parent}:{Path(tool('helm')).parent}:{os.environ['PATH']}",
        }
        self.folder = folder
        self.run(f"kubectl config set-context --current --namespace {namespace.name}")

    def run(self, script: str, timeout: float = 240) -> str:
        """What the lines print; `AssertionError` with their error output where one fails."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout


class Watch:
    """Asks a path about every tenth of a second in the background, and counts what was not a 200."""

    def __init__(self, client: Client, path: str) -> None:
        self.asked = 0
        self.failed: list[str] = []
        self._client, self._path = client, path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self.asked += 1
            try:
                status = str(self._client.get(self._path).status)
            except urllib3.exceptions.HTTPError as error:
                status = type(error).__name__
            if status != "200":
                self.failed.append(status)


def runbook(heading: str) -> str:
    """The first block of commands under that heading of docs/operations.md."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n.*?^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/operations.md has no commands under {heading!r}"
    return found.group(1)
