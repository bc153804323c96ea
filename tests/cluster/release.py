"""A Helm release in a test's namespace, and the words in which the chart tests speak of it."""

import base64
import json
import os
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from kubernetes.client import ApiException, DiscoveryV1Api

from tests.cluster.kube import CONTEXT, ROOT, Namespace, eventually, pod, tool
from tests.services import free_port

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
        self.took = 0.0  # seconds of the last install or upgrade

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

    def upgrade(
        self, values: Values | None = None, *examples: str, timeout: str = "120s", force: bool = False
    ) -> float:
        """`helm upgrade --wait` with these values and no others; the seconds that it took.

        `force` takes back what others, such as an autoscaler, have set meanwhile.
        """
        return self._timed("upgrade", values, examples, timeout, *(["--force-conflicts"] if force else []))

    def _timed(self, verb: str, values: Values | None, examples: tuple[str, ...], timeout: str, *more: str) -> float:
        files = [argument for name in examples for argument in ("--values", str(EXAMPLES / f"{name}.yaml"))]
        began = time.monotonic()
        given = ["--set-json", json.dumps(values)] if values else []
        self.helm(verb, self.name, str(self.chart), *files, *given, *more, "--wait", "--timeout", timeout)
        self.took = time.monotonic() - began
        return self.took

    def revision(self) -> int:
        """The number of the installed revision."""
        return int(json.loads(self.helm("status", self.name, "--output", "json"))["version"])

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


# One request every tenth of a second, each on a connection of its own; a line for each: the status, or what went wrong.
ASK = """
import sys, time, urllib.error, urllib.request
while True:
    try:
        said = urllib.request.urlopen(sys.argv[1], timeout=5).status
    except urllib.error.HTTPError as error:
        said = error.code
    except OSError as error:
        said = repr(error)
    print(said, flush=True)
    time.sleep(0.1)
"""


@contextmanager
def asked_all_along(namespace: Namespace, image: str, url: str) -> Iterator[None]:
    """A pod in the namespace asks the URL for as long as the block runs, and must never get anything but a 200."""
    name = f"ask-{secrets.token_hex(2)}"
    namespace.create(pod(name, "/tandem/.venv/bin/python", "-c", ASK, url, image=image))

    def answers() -> list[str]:
        try:
            return str(namespace.core.read_namespaced_pod_log(name, namespace.name)).split("\n")
        except ApiException:
            return []  # it has not started

    eventually(f"{url} is asked", lambda: len(answers()) > 5)
    yield
    lines = [line for line in answers() if line]
    namespace.remove(name)
    assert [] == [line for line in lines if line != "200"], f"of {len(lines)} requests"


def ready(release: Release, service: str) -> int:
    """How many of the service's endpoints take requests."""
    selector = f"kubernetes.io/service-name={release.name}-{service}"
    api: Any = DiscoveryV1Api(release.namespace.cluster.client)
    slices = api.list_namespaced_endpoint_slice(release.namespace.name, label_selector=selector)
    return sum(bool(each.conditions.ready) for found in slices.items for each in found.endpoints or [])


def runbook(heading: str, number: int = 1) -> str:
    """A block of commands, the first or a later one, under that heading of docs/operations.md and before the next."""
    return runbook_blocks()[heading][number - 1]


def runbook_blocks() -> dict[str, list[str]]:
    """Every block of commands of docs/operations.md, by heading."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"^#+ (?=[A-Z].*$)", text, flags=re.MULTILINE)
    sections = dict(part.split("\n", 1) for part in parts)
    return {
        heading: found
        for heading, section in sections.items()
        if (found := re.findall(r"^```\w*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    }
