"""Compose projects under test: `make up` on a fresh clone, with names and ports that nobody else uses."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.engine import Ran, clone, docker, run
from tests.requirements import require_engine
from tests.services import free_port

UP_LIMIT = 900.0  # seconds: both images are built where they are not there yet
SERVING = ("web", "api", "database")
ONE_SHOTS = ("secrets", "migrate", "sample-users")


class Project:
    """A Compose project: its commands, and its services as a client on this machine sees them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"tandem-test-{secrets.token_hex(4)}"
        ports = {"WEB_PORT": str(free_port()), "API_PORT": str(free_port())}
        # Not what `make test` tells its own makes: they would count themselves, as make[1].
        inherited = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS")}
        self.environment = {**inherited, "COMPOSE_PROJECT_NAME": self.name, **ports}
        self.web = f"http://127.0.0.1:{ports['WEB_PORT']}"
        self.api = f"http://127.0.0.1:{ports['API_PORT']}"
        self.http = urllib3.PoolManager(retries=False, timeout=10, maxsize=4)

    def make(self, target: str, **changes: str) -> Ran:
        """Run a make target; its status is the caller's to judge."""
        return run("make", target, timeout=UP_LIMIT, cwd=self.folder, env={**self.environment, **changes})

    def up(self) -> None:
        """`make up`, which has to succeed."""
        ran = self.make("up")
        assert ran.returncode == 0, ran.stdout + ran.stderr + self.compose("logs", "--tail=20")

    def refusal(self, **changes: str) -> str:
        """The sentence of a `make up` that fails: the last line but make's own."""
        ran = self.make("up", **changes)
        assert ran.returncode != 0, ran.stdout
        *_, sentence, made = ran.stderr.splitlines()
        assert made.startswith("make: ***")
        return sentence.removeprefix("compose: ")

    def compose(self, *arguments: str) -> str:
        """The output of a `docker compose` command that has to succeed."""
        return docker("compose", *arguments, cwd=self.folder, env=self.environment)

    def containers(self) -> dict[str, dict[str, Any]]:
        """`docker inspect` of every container, one-shots included, by its service."""
        names = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(docker("inspect", *names)) if names else []
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}

    def token(self) -> str:
        """The API's token, as api reads it."""
        return self.compose("exec", "-T", "api", "python", "-c", "print(open('/run/secrets/api_token').read())")

    def request(self, method: str, url: str, token: str = "", **kwargs: Any) -> urllib3.BaseHTTPResponse:
        """One request, with the token where one is given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.request(method, url, headers=headers, redirect=False, **kwargs)

    def status(self, url: str, token: str = "") -> int:
        """The status of a GET; 0 where there is no answer."""
        try:
            return self.request("GET", url, token).status
        except urllib3.exceptions.HTTPError:
            return 0

    def users(self) -> list[dict[str, Any]]:
        """The users as the API gives them, 1,000 at most."""
        answer = self.request("GET", f"{self.api}/users?limit=1000", self.token())
        assert answer.status == 200, answer.data
        found: list[dict[str, Any]] = answer.json()
        return found

    def in_volumes(self, script: str) -> str:
        """Run a shell script as root over the project's secrets: /web-secrets, /api-secrets, /database-secrets."""
        names = [f"{service}-secrets" for service in SERVING]
        volumes = [f"--volume={self.name}_{name}:/{name}" for name in names]
        return docker("run", "--rm", "--network=none", *volumes, "debian:trixie-slim", "sh", "-ec", script)

    def small_volume(self, name: str, options: str) -> None:
        """Make one of its volumes beforehand, in memory: `options` are tmpfs's, its size above all."""
        labels = (f"com.docker.compose.project={self.name}", f"com.docker.compose.volume={name}")
        docker(
            "volume", "create", *(f"--label={label}" for label in labels),
            "--opt=type=tmpfs", "--opt=device=tmpfs", f"--opt=o={options}", f"{self.name}_{name}",
        )  # fmt: skip


@contextmanager
def project_in(folder: Path) -> Iterator[Project]:
    """A project that leaves nothing behind."""
    project = Project(folder)
    try:
        yield project
    finally:
        project.compose("down", "--volumes", "--remove-orphans", "--timeout=2")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone, with what is not committed yet."""
    require_engine()
    return clone(tmp_path_factory.mktemp("compose"))


@pytest.fixture(scope="module")
def running(checkout: Path) -> Iterator[Project]:
    """A project that is up, for the tests of a file."""
    with project_in(checkout) as project:
        project.up()
        yield project


@pytest.fixture
def fresh(checkout: Path) -> Iterator[Project]:
    """A project that was never up."""
    with project_in(checkout) as project:
        yield project
