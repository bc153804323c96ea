"""What the images do, hardened as Kubernetes and Compose run them: start, refuse, stop, say how they are."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import Container, docker, production, run_once, serving, wait_for
from tests.images.conftest import Image

REQUIRED = {
    "web": ("SECRET_KEY", "API_TOKEN", "ALLOWED_HOSTS"),
    "api": ("SECRET_KEY", "API_TOKEN", "ALLOWED_HOSTS", "DATABASE_URL"),
}
EX_CONFIG = 78
# The image's own check, asked more often than in use so that the test is quick.
OFTEN = ("--health-start-period=1s", "--health-interval=1s", "--health-retries=2")
GRACE = 25.0  # seconds from SIGTERM: 20 for what is in flight, and some to leave


@pytest.fixture
def data(images: dict[str, Image]) -> Iterator[str]:
    """A `docker run` flag for a volume at /data with a migrated database."""
    volume = docker("volume", "create")
    try:
        flag = f"--volume={volume}:/data"
        migrated = run_once(images["api"].tag, "migrate", flags=(flag,))
        assert 0 == migrated.returncode, migrated.stderr
        yield flag
    finally:
        docker("volume", "rm", volume)


def test_start(image: Image, data: str) -> None:
    """It serves as uid 65532 with a read-only root and without any capability; metrics have their own port."""
    status = (
        "print(*[line.split()[1] for line in open('/proc/1/status') if line.startswith(('Uid', 'CapEff', 'CapBnd'))])"
    )
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:{}/metrics').status)"
    metrics_port = {"web": 9000, "api": 9001}[image.service]
    with serving(image.tag, data, path="/readyz") as container:
        assert f"65532 {'0' * 16} {'0' * 16}" == container.exec("python", "-c", status).stdout.strip()
        written = container.exec("python", "-c", "open('/tandem/x', 'w')").stderr
        assert "Read-only file system" in written
        assert "200" == container.exec("python", "-c", ask.format(metrics_port)).stdout.strip()
        assert f'"{image.service}"' in container.get("/version").data.decode()
        assert 404 == container.get("/metrics").status
        assert all(json.loads(line)["level"] for line in container.logs().splitlines())


def test_required_values(image: Image) -> None:
    """Without any one of the values that production needs it does not start, and one sentence names it."""
    for name in REQUIRED[image.service]:
        ran = run_once(image.tag, changes={name: ""})
        assert (EX_CONFIG, "") == (ran.returncode, ran.stdout)
        (sentence,) = ran.stderr.splitlines()
        assert sentence.startswith(f"{name} is not set")
        assert "ENVIRONMENT=production needs it" in sentence
    assert 0 == run_once(image.tag, "--check").returncode


@pytest.mark.parametrize("name", ["SECRET_KEY", "API_TOKEN"])
def test_weak_values(image: Image, name: str) -> None:
    """A short secret and a documented example are refused, also as one of several."""
    strong = production()[name]
    short = run_once(image.tag, changes={name: f"{strong},{'k' * 31}"})
    assert EX_CONFIG == short.returncode
    assert short.stderr.startswith(f"{name} has a value of 31 characters, and ENVIRONMENT=production needs at least 32")
    example = run_once(image.tag, changes={name: f"{strong},development-only-{'k' * 32}"})
    assert EX_CONFIG == example.returncode
    assert example.stderr.startswith(f"{name} is a documented example, which ENVIRONMENT=production refuses")


def test_unusable_database_url(images: dict[str, Image]) -> None:
    """Named, and not repeated, since it holds a password."""
    ran = run_once(images["api"].tag, changes={"DATABASE_URL": "mysql://tandem:hidden@database/tandem"})
    assert EX_CONFIG == ran.returncode
    assert ran.stderr.startswith("DATABASE_URL cannot be used: it has to look like ")
    assert "hidden" not in ran.stderr


def test_secrets_from_files(image: Image, data: str, tmp_path: Path) -> None:
    """Every secret can come from a file, and works; one that is missing, unreadable or empty is named."""
    values = production()
    names = [name for name in ("SECRET_KEY", "API_TOKEN", "DATABASE_URL") if name in REQUIRED[image.service]]
    for name in names:
        (tmp_path / name).write_text(values[name] + "\n", encoding="utf-8")
    tmp_path.chmod(0o755)
    mount = f"--volume={tmp_path}:/run/secrets:ro"
    from_files = dict.fromkeys(names, "") | {f"{name}_FILE": f"/run/secrets/{name}" for name in names}
    with serving(image.tag, data, mount, path="/readyz", **from_files) as container:
        if image.service == "api":
            authorization = f"Bearer {values['API_TOKEN']}"
            assert 200 == container.get("/users", Authorization=authorization).status
            assert 401 == container.get("/users", Authorization=authorization + "x").status
        environment = container.inspect("{{json .Config.Env}}")
        assert not any(values[name] in environment for name in names)
    for name in names:
        (tmp_path / name).chmod(0o600)
        unreadable = run_once(image.tag, flags=(mount,), changes=from_files)
        sentence = f"{name}_FILE names /run/secrets/{name}, which cannot be read: Permission denied."
        assert (EX_CONFIG, [sentence]) == (unreadable.returncode, unreadable.stderr.splitlines())
        (tmp_path / name).chmod(0o644)
        missing = run_once(image.tag, flags=(mount,), changes=from_files | {f"{name}_FILE": "/run/secrets/none"})
        sentence = f"{name}_FILE names /run/secrets/none, which cannot be read: No such file or directory."
        assert (EX_CONFIG, [sentence]) == (missing.returncode, missing.stderr.splitlines())


def test_sigterm(image: Image, data: str) -> None:
    """What is in flight is answered, then it leaves, in time and with 0."""
    values = production()
    with serving(image.tag, data, path="/readyz", **values) as container:
        body = b'{"name": "In flight", "email": "flight@example.org"}'
        head = (
            f"POST /users HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {values['API_TOKEN']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        port = int(container.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=GRACE) as client:
            client.sendall(head + body[:10])
            time.sleep(0.5)  # the worker has it and waits for the rest
            began = time.monotonic()
            docker("kill", "--signal=TERM", container.name)
            time.sleep(1)
            client.sendall(body[10:])
            answer = client.recv(4096).decode()
        # web takes no JSON, but answers it.
        assert {"web": "HTTP/1.1 4", "api": "HTTP/1.1 201"}[image.service] in answer
        assert "0" == docker("wait", container.name)
        assert time.monotonic() - began < GRACE


def test_idle_stop_is_quick(image: Image, data: str) -> None:
    """With nothing in flight, `docker stop` takes a moment and never its SIGKILL."""
    with serving(image.tag, data, path="/readyz") as container:
        began = time.monotonic()
        docker("stop", container.name)
        seconds = time.monotonic() - began
        assert "0" == container.inspect("{{.State.ExitCode}}")
    print(f"{image.tag} stopped in {seconds:.1f} s")  # noqa: T201
    assert seconds < 10


def health(container: Container) -> str:
    """What the engine thinks of it: starting, healthy or unhealthy."""
    return container.inspect("{{.State.Health.Status}}")


def test_healthcheck_of_api(images: dict[str, Image]) -> None:
    """Unhealthy while a migration waits, healthy once it is done."""
    with serving(images["api"].tag, *OFTEN, "--tmpfs=/data:uid=65532,gid=65532") as container:
        wait_for(lambda: health(container) == "unhealthy", container.logs)
        assert 0 == container.exec("python", "-m", "api", "migrate").returncode
        wait_for(lambda: health(container) == "healthy", container.logs)


def test_healthcheck_of_web(images: dict[str, Image]) -> None:
    """Healthy as soon as it serves, without api; unhealthy when its workers hang."""
    hang = (
        "import os, signal; [os.kill(int(p), signal.SIGSTOP) for p in open('/proc/1/task/1/children').read().split()]"
    )
    with serving(images["web"].tag, *OFTEN, "--health-timeout=2s") as container:
        wait_for(lambda: health(container) == "healthy", container.logs)
        assert 0 == container.exec("python", "-c", hang).returncode
        wait_for(lambda: health(container) == "unhealthy", container.logs)


def test_default_healthcheck(image: Image) -> None:
    """A new container is healthy within seconds, by the settings that the image brings."""
    flags = ("--tmpfs=/data:uid=65532,gid=65532",)
    with serving(image.tag, *flags) as container:
        if image.service == "api":
            assert 0 == container.exec("python", "-m", "api", "migrate").returncode
        assert wait_for(lambda: health(container) == "healthy", container.logs, 25) < 25


def test_full_volume(images: dict[str, Image]) -> None:
    """A write that finds no room is refused with a problem document; what was acknowledged is there to be read."""
    values = production()
    with serving(images["api"].tag, "--tmpfs=/data:size=1m,uid=65532,gid=65532", **values) as container:
        assert 0 == container.exec("python", "-m", "api", "migrate").returncode
        headers = {"Authorization": f"Bearer {values['API_TOKEN']}"}
        acknowledged = []
        for number in range(20_000):
            body = {"name": "n" * 200, "email": f"{'e' * 50}{number}@example.org"}
            answer = container.http.request("POST", container.url + "/users", json=body, headers=headers)
            if answer.status != 201:
                break
            acknowledged.append(answer.json()["id"])
        assert len(acknowledged) > 10
        assert (507, "application/problem+json") == (answer.status, answer.headers["Content-Type"])
        found: list[int] = []
        url = f"{container.url}/users?limit=1000"
        while url:
            page = container.http.request("GET", url, headers=headers)
            assert 200 == page.status
            found += [user["id"] for user in page.json()]
            link = page.headers.get("Link", "")
            url = link[1 : link.index(">")] if link else ""
        assert acknowledged == found
        assert 200 == container.status("/livez")
