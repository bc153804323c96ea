"""What `make cluster` and its like say where they cannot go on: one sentence, a non-zero exit, nothing left behind.

The engine here is a stand-in on the PATH, since no test may stop the real one.
"""

import http.server
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.cluster.kube import ROOT

UP = "tools/cluster/up.sh"
IDLE_ENGINE = ""  # it runs, and has nothing
MAKES = re.compile(
    r"^docker (run|create|build|tag|import|network create)|^kind (create|load|delete)|^kubectl .*(apply|set)"
)
FOREIGN_CLUSTER = 'case "$1" in ps) echo 0123456789ab ;; esac'


class Machine:
    """A machine of which only the programs that a test writes are out of the ordinary."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.cache = folder / "cache"
        self.calls = folder / "calls"
        self.environment = {
            **os.environ,
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "XDG_CACHE_HOME": str(self.cache),
            "KUBECONFIG": str(folder / "kubeconfig"),
        }

    def program(self, name: str, script: str) -> None:
        """Put a shell script of that name before everything else on the PATH; what it is called with is kept."""
        path = self.programs / name
        path.write_text(f'#!/bin/sh\necho {name} "$*" >> "{self.calls}"\n{script}\n')
        path.chmod(0o755)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the project here."""
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def refuses(self, *command: str) -> str:
        """The one sentence a command ends with. Raises `AssertionError` where it succeeds, or has made anything."""
        done = self.run(*command)
        assert done.returncode != 0, done.stdout
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        assert [] == [call for call in calls if MAKES.search(call)]
        return done.stderr.splitlines()[-1]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def with_tools(machine: Machine) -> None:
    """Put stand-ins for the tools on the PATH, at the versions that are asked for, in the ordinary world."""
    machine.environment["TANDEM_WORLD"] = "registry"
    versions = dict(
        line.split("=") for line in (ROOT / "offline/versions.env").read_text().splitlines() if line[:1].isupper()
    )
    machine.program("kind", f'[ "$1" != version ] || echo "kind {versions["KIND"]} go1.26 linux/amd64"')
    machine.program("helm", f'echo "{versions["HELM"]}"')
    machine.program("kubectl", f'[ "$1" != version ] || echo "Client Version: {versions["KUBERNETES"]}"')


def test_no_engine(machine: Machine) -> None:
    """Without a docker program the sentence names what to install."""
    machine.program("id", "echo 1000")
    for name in ("bash", "dirname", "basename", "sh", "git", "cat"):
        (machine.programs / name).symlink_to(Path("/usr/bin") / name)
    machine.environment["PATH"] = str(machine.programs)

    assert "no Docker engine here: install Docker" in machine.refuses(UP)


@pytest.mark.parametrize("script", [UP, "tools/cluster/down.sh", "offline/base-images.sh", "offline/node-image.sh"])
def test_engine_not_running(machine: Machine, script: str) -> None:
    """Where the engine does not answer, whatever needs it says to start it."""
    machine.program("docker", "exit 1")

    assert "the Docker engine does not answer: start it" in machine.refuses(script)


@pytest.mark.parametrize("script", [UP, "tools/cluster/down.sh", "tools/cluster/load.sh"])
def test_someone_elses_cluster_is_not_touched(machine: Machine, script: str) -> None:
    """A cluster of this name outside our network is refused by all that could change it."""
    machine.program("docker", FOREIGN_CLUSTER)

    assert 'a kind cluster called "tandem" is here that make cluster did not make' in machine.refuses(script)


def test_taken_port(machine: Machine) -> None:
    """A port of k8s/kind.yaml that something listens on is named before anything is made."""
    with_tools(machine)
    machine.program("docker", IDLE_ENGINE)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = (ROOT / "k8s/kind.yaml").read_text().replace("hostPort: 8000", f"hostPort: {port}")
        assert f"port {port} on 127.0.0.1 is taken" in refuses_with(machine, config)


def refuses_with(machine: Machine, config: str) -> str:
    """What `make cluster` says in a copy of the checkout whose k8s/kind.yaml is `config`."""
    copy = machine.cache.parent / "copy"
    for folder in ("tools/cluster", "offline", "k8s"):
        (copy / folder).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", ROOT / folder, copy / folder], check=True)
    (copy / "k8s/kind.yaml").write_text(config)
    return machine.refuses(str(copy / UP))


def test_a_context_that_leads_elsewhere_is_not_overwritten(machine: Machine) -> None:
    """A context kind-tandem for another machine was not made here, and stays."""
    with_tools(machine)
    machine.program("docker", IDLE_ENGINE)
    machine.program(
        "kubectl", 'case "$1" in version) echo "Client Version: v1.37.2" ;; config) echo https://far ;; esac'
    )

    assert "your kubeconfig has a context kind-tandem for https://far" in refuses_with(
        machine, (ROOT / "k8s/kind.yaml").read_text().replace("hostPort", "freePort")
    )


def test_too_little_disk(machine: Machine) -> None:
    """A disk that would fill up is refused with what is free and what is needed."""
    machine.program("docker", 'case "$1 $2" in "image inspect") exit 1 ;; "info --format") echo /nowhere ;; esac')
    machine.program("go", "echo go1.26.0")
    machine.program("df", "echo head; echo /dev/x 9 8 1048576 90% /")

    assert "has 1 GB free and this needs" in machine.refuses("offline/node-image.sh")


def test_too_little_disk_for_the_nodes(machine: Machine) -> None:
    """Where everything is built the nodes themselves still need room."""
    with_tools(machine)
    machine.program("docker", 'case "$1 $2" in "info --format") echo / ;; esac')
    machine.program("df", "echo head; echo /dev/x 9 8 1048576 90% /")

    said = refuses_with(machine, (ROOT / "k8s/kind.yaml").read_text().replace("hostPort", "freePort"))
    assert "/ has 1 GB free and this needs 5 GB: free some (make clean-cache" in said


def test_a_world_that_is_none(machine: Machine) -> None:
    """A TANDEM_WORLD that means nothing is named."""
    with_tools(machine)
    machine.environment["TANDEM_WORLD"] = "moon"
    machine.program("docker", IDLE_ENGINE)

    said = refuses_with(machine, (ROOT / "k8s/kind.yaml").read_text().replace("hostPort", "freePort"))
    assert "TANDEM_WORLD=moon is neither registry nor offline" in said


def test_no_go(machine: Machine) -> None:
    """Where a tool would have to be built and Go is too old or missing, the sentence says which to install."""
    machine.program("go", "echo go1.25.3")
    machine.program("kubectl", "echo none")

    assert "Go 1.26 or newer is needed to build kubectl" in machine.refuses("tools/cluster/tool.sh", "kubectl")


@pytest.fixture
def refusing_mirror() -> Iterator[str]:
    """The address of a Go module mirror that refuses every module."""

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(HTTPStatus.FORBIDDEN)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # named by the base class
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("command", "step", "module"),
    [
        (["tools/cluster/tool.sh", "kind"], "build kind", "sigs.k8s.io/kind@"),
        (["offline/node-image.sh"], "compile Kubernetes", "k8s.io/kubernetes@"),
    ],
)
def test_a_mirror_that_refuses_a_module(
    machine: Machine, refusing_mirror: str, command: list[str], step: str, module: str
) -> None:
    """The step and the module are named, and nothing half-made is left in the cache."""
    machine.program("docker", 'case "$1 $2" in "image inspect") exit 1 ;; "info --format") echo /nowhere ;; esac')
    machine.environment |= {"GOPROXY": refusing_mirror, "GONOSUMDB": "*", "GOFLAGS": ""}
    machine.environment["PATH"] += ":/usr/local/go/bin"

    said = machine.refuses(*command)

    assert f'step "{step}' in said
    assert f"the Go module mirror refused {module}" in said
    assert "403" in said
    assert [] == list(machine.cache.glob("tandem/bin/*")) + list(machine.cache.glob("tandem/programs/*/complete"))


def test_clean_cache_says_what_it_frees(machine: Machine) -> None:
    """The cache's folder goes, and of the images made offline those that no container uses. This one runs for real."""
    docker = shutil.which("docker")
    assert docker
    name = f"tandem-clean-{os.getpid()}"
    # Of the images of this machine only the test's own are shown: the others took long to build.
    machine.program("docker", f'[ "$1" != images ] || set -- "$@" --filter "reference={name}*"\nexec {docker} "$@"')
    for image in (f"{name}-used", f"{name}-idle"):
        made = subprocess.run(
            [docker, "import", "--change", "LABEL tandem.offline=test", "--change", "CMD x", "-", image],
            input=bytes(10240), capture_output=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    container = subprocess.run([docker, "create", f"{name}-used"], capture_output=True, text=True, check=True).stdout
    module = machine.cache / "tandem" / "go" / "mod"
    module.mkdir(parents=True)
    (module / "file").write_bytes(bytes(3_000_000))
    module.chmod(0o500)
    try:
        said = machine.run("tools/cluster/clean-cache.sh").stdout
    finally:
        subprocess.run([docker, "rm", container.strip()], capture_output=True, check=True)
        subprocess.run([docker, "rmi", f"{name}-used"], capture_output=True, check=True)

    assert f"freeing 2.9M in {machine.cache}/tandem" in said
    assert not (machine.cache / "tandem").exists()
    assert f"removed the image {name}-idle:latest, 0B" in said
    assert f"kept the image {name}-used:latest, 0B, which is in use" in said
    assert f"nothing is kept in {machine.cache}/tandem" in machine.run("tools/cluster/clean-cache.sh").stdout
