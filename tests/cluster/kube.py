"""What the cluster tests say to Kubernetes, in the few words that they need."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from kubernetes import client, config, utils

ROOT = Path(__file__).parents[2]
CONTEXT = "kind-tandem"
SHELL_IMAGE = "postgres:17"  # bash, getent and PostgreSQL's own client and server: all that a test of the cluster needs
T = TypeVar("T")


def command(*arguments: str, timeout: float = 120) -> str:
    """What a program prints to stdout. Raises `AssertionError` with its stderr where it fails."""
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}"
    return done.stdout


def tool(name: str) -> str:
    """The path of helm, kind or kubectl at the version that offline/versions.env names."""
    return command("tools/cluster/tool.sh", name, timeout=600).strip()


def eventually(what: str, check: Callable[[], T], seconds: float = 60) -> T:
    """The first true answer of `check`, asked every half second; `AssertionError` naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.5)
    return answer


def pod(name: str, *args: str, image: str = SHELL_IMAGE, node: str = "", **spec: Any) -> dict[str, Any]:
    """A pod that Pod Security "restricted" admits, with one container that has a writable /tmp.

    `args` is the container's command, `spec` whatever else its pod's spec has; `uid`, `env`, `mounts` (volume name to
    path) and `probe` (a command) belong to the container.
    """
    mounts = {"tmp": "/tmp", **spec.pop("mounts", {})}  # noqa: S108 # the pod's own
    container: dict[str, Any] = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "Never",
        "env": [{"name": key, "value": value} for key, value in spec.pop("env", {}).items()],
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in mounts.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if args:
        container["command"] = list(args)
    if probe := spec.pop("probe", None):
        container["readinessProbe"] = {"exec": {"command": probe}, "periodSeconds": 1}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": spec.pop("uid", 65532),
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}, *spec.pop("volumes", [])],
            **({"nodeName": node} if node else {}),
            **spec,
        },
    }


def postgres(name: str, node: str = "") -> dict[str, Any]:
    """A pod that serves PostgreSQL, user `postgres` with the password `test`, from a folder that goes with the pod."""
    return pod(
        name,
        node=node,
        uid=999,
        env={"POSTGRES_PASSWORD": "test", "PGDATA": "/data/pgdata"},
        mounts={"data": "/data", "run": "/var/run/postgresql"},
        volumes=[{"name": "data", "emptyDir": {}}, {"name": "run", "emptyDir": {}}],
        probe=["pg_isready", "-q", "-h", "127.0.0.1"],
    )


class Cluster:
    """The kind cluster of this project, reached through its own context."""

    def __init__(self) -> None:
        # Any, because the client's own type hints make every field of every object optional.
        self.client: Any = config.new_client_from_config(context=CONTEXT)  # type: ignore[no-untyped-call]
        self.core: Any = client.CoreV1Api(self.client)
        self.custom: Any = client.CustomObjectsApi(self.client)

    def kubectl(self, *arguments: str, timeout: float = 120) -> str:
        """What kubectl prints. Raises `AssertionError` with its message where it fails."""
        return command(tool("kubectl"), "--context", CONTEXT, *arguments, timeout=timeout)

    def workers(self) -> list[str]:
        """The names of the nodes that take pods."""
        nodes = self.core.list_node(label_selector="!node-role.kubernetes.io/control-plane").items
        return sorted(node.metadata.name for node in nodes)

    @contextmanager
    def namespace(self, name: str) -> Iterator["Namespace"]:
        """A namespace of that name which admits restricted pods only, removed at the end."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted", "tandem.test": "true"}
        self.core.create_namespace({"metadata": {"name": name, "labels": labels}})
        try:
            yield Namespace(self, name)
        finally:
            self.core.delete_namespace(name)


class Namespace:
    """One test's own namespace, and what a test does in it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.core = cluster.core
        self.name = name

    def create(self, *manifests: dict[str, Any]) -> None:
        """Create objects. Raises kubernetes' `FailToCreateError` where one is refused."""
        for manifest in manifests:
            utils.create_from_dict(self.cluster.client, manifest, namespace=self.name)  # type: ignore[no-untyped-call]

    def kubectl(self, *arguments: str, timeout: float = 120) -> str:
        """What kubectl prints in this namespace."""
        return self.cluster.kubectl("--namespace", self.name, *arguments, timeout=timeout)

    def start(self, manifest: dict[str, Any], seconds: float = 60) -> Any:
        """Create a pod and return it as the API does, once it is ready."""
        self.create(manifest)
        return self.wait_ready(manifest["metadata"]["name"], seconds)

    def wait_ready(self, name: str, seconds: float = 60) -> Any:
        """The pod of that name as the API has it, once it is ready; what makes it may not have made it yet."""

        def ready() -> Any:
            for found in self.core.list_namespaced_pod(self.name, field_selector=f"metadata.name={name}").items:
                conditions = {condition.type: condition.status for condition in found.status.conditions or []}
                if conditions.get("Ready") == "True":
                    return found
            return None

        return eventually(f"pod {name} is ready", ready, seconds)

    def run(self, manifest: dict[str, Any], seconds: float = 60) -> str:
        """Run a pod to its end and return what it wrote. Raises `AssertionError` with that where it failed."""
        self.create(manifest)
        name = manifest["metadata"]["name"]

        def phase() -> str:
            now = self.core.read_namespaced_pod(name, self.name).status.phase
            return str(now) if now in {"Succeeded", "Failed"} else ""

        ended = eventually(f"pod {name} ends", phase, seconds)
        wrote = str(self.core.read_namespaced_pod_log(name, self.name))
        assert ended == "Succeeded", f"pod {name} failed: {wrote}"
        return wrote

    def remove(self, name: str) -> None:
        """Delete a pod and wait until it is gone."""
        self.core.delete_namespaced_pod(name, self.name)

        def gone() -> bool:
            return not self.core.list_namespaced_pod(self.name, field_selector=f"metadata.name={name}").items

        eventually(f"pod {name} is gone", gone)

    def keep(self, folder: Path) -> None:
        """Write events, manifests (Secrets left out) and every container's log into `folder`, for a person to read."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "events.txt").write_text(self.kubectl("get", "events", "--sort-by=.lastTimestamp"))
        kinds = "all,configmaps,persistentvolumeclaims,networkpolicies,ingresses,poddisruptionbudgets,serviceaccounts"
        (folder / "manifests.yaml").write_text(self.kubectl("get", kinds, "--output", "yaml"))
        (folder / "pods.txt").write_text(self.kubectl("describe", "pods"))
        for found in yaml.safe_load(self.kubectl("get", "pods", "--output", "yaml"))["items"]:
            spec, name = found["spec"], found["metadata"]["name"]
            for container in [*spec.get("initContainers", []), *spec["containers"]]:
                for previous in (False, True):
                    self._keep_log(folder, name, container["name"], previous=previous)

    def _keep_log(self, folder: Path, name: str, container: str, *, previous: bool) -> None:
        try:
            wrote = self.core.read_namespaced_pod_log(name, self.name, container=container, previous=previous)
        except client.ApiException:
            return  # it has not started, or has no previous run
        (folder / f"{name}.{container}{'.previous' if previous else ''}.log").write_text(str(wrote))
