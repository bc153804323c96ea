"""The container engine, for tests: its command line, and containers that end with the test."""

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import urllib3

from tests.services import ROOT, free_port

# As Kubernetes' restricted profile runs it, and stricter: the root is read-only.
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp")
START_LIMIT = 60.0  # seconds, on a machine that does other things too
Ran = subprocess.CompletedProcess[str]


def run(*command: str, timeout: float = 300, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Ran:
    """Run a command to its end; its status is the caller's to judge. `timeout` in seconds."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, cwd=cwd, env=env)


def docker(*arguments: str, timeout: float = 300, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a docker command that has to succeed."""
    ran = run("docker", *arguments, timeout=timeout, cwd=cwd, env=env)
    assert ran.returncode == 0, f"docker {' '.join(arguments)}\n{ran.stdout}{ran.stderr}"
    return ran.stdout.strip()


def production(**changes: str) -> dict[str, str]:
    """What both services need in production; `changes` replace values, and an empty one takes it away."""
    variables = {
        "SECRET_KEY": secrets.token_hex(32),
        "API_TOKEN": secrets.token_hex(32),
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": "sqlite:////data/users.db",
    }
    return {name: value for name, value in {**variables, **changes}.items() if value}


def environment(variables: Mapping[str, str]) -> tuple[str, ...]:
    """`docker run` flags for these variables."""
    return tuple(f"--env={name}={value}" for name, value in variables.items())


def run_once(image: str, *arguments: str, flags: tuple[str, ...] = (), changes: Mapping[str, str] | None = None) -> Ran:
    """Run a service's image, hardened, until it leaves by itself: `arguments` follow its entrypoint."""
    return run(
        "docker", "run", "--rm", *HARDENED, *environment(production(**(changes or {}))), *flags, image, *arguments
    )


class Container:
    """A container that serves on a port of 127.0.0.1."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self.http = urllib3.PoolManager(retries=False, timeout=10)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """One GET."""
        return self.http.request("GET", self.url + path, headers=headers)

    def status(self, path: str) -> int:
        """The status of a GET; 0 where there is no answer."""
        try:
            return self.get(path).status
        except urllib3.exceptions.HTTPError:
            return 0

    def logs(self) -> str:
        """What it has written."""
        ran = run("docker", "logs", self.name)
        return ran.stdout + ran.stderr

    def inspect(self, template: str) -> str:
        """A field of `docker inspect`, by its Go template."""
        return docker("inspect", "--format", template, self.name)

    def exec(self, *command: str) -> Ran:
        """Run a command inside."""
        return run("docker", "exec", self.name, *command)


@contextmanager
def serving(image: str, *flags: str, path: str = "/livez", **changes: str) -> Iterator[Container]:
    """A service's image, hardened, from when `path` answers 200 until the end of the block."""
    inside = docker("image", "inspect", "--format", "{{json .Config.ExposedPorts}}", image)
    service_port = next(port for port in ("5000", "5001") if port in inside)
    port = free_port()
    variables = environment(production(**changes))
    name = docker("run", "--detach", f"--publish=127.0.0.1:{port}:{service_port}", *HARDENED, *variables, *flags, image)
    container = Container(name, f"http://127.0.0.1:{port}")
    try:
        wait_for(lambda: container.status(path) == 200, container.logs)
        yield container
    finally:
        docker("rm", "--force", "--volumes", name)


def wait_for(condition: object, explain: object = str, limit: float = START_LIMIT) -> float:
    """Wait until `condition()` is true; the seconds that it took. Fails with `explain()` after `limit` seconds."""
    assert callable(condition)
    assert callable(explain)
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + limit, explain()
        time.sleep(0.05)
    return time.monotonic() - began


def copy_repository(target: Path) -> Path:
    """What a clone would hold, with the changes that are not committed yet."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    assert listed.returncode == 0, listed.stderr
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
    return target


def clone(target: Path) -> Path:
    """A clone of the repository and what is not committed yet: its images carry the same labels as ours."""
    made = run("git", "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(target))
    assert made.returncode == 0, made.stderr
    copy_repository(target)
    run("git", "reset", "--quiet", cwd=target)
    return target
