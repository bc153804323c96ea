"""Real services for tests: `python -m web` and `python -m api` on free ports of 127.0.0.1, with their own state."""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import urllib3

ROOT = Path(__file__).resolve().parents[1]
START_LIMIT = 20.0  # seconds


# Below those that Linux gives to outgoing connections. `make run` takes the port 4,000 above as well, for metrics, and
# two services in each other's way the next 4,000: those numbers are left to them.
PORTS = range(10_000, 14_000)


def free_port() -> int:
    """A port that nothing listens on, and that no other test, of whichever process, was given lately."""
    path = ROOT / ".local" / "test-port"
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        port = int(file.read() or secrets.choice(PORTS))
        while True:
            port = port + 1 if port + 1 in PORTS else PORTS.start
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                file.truncate(0)
                file.write(str(port))
                return port


class Service:
    """A running service: where it answers, and what it has written to stdout and stderr."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.port = int(environment["PORT"])
        self.metrics_port = int(environment["METRICS_PORT"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.http = urllib3.PoolManager(retries=False, timeout=10)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", name],
                env={**os.environ, **environment},
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def request(self, method: str, path: str, **kwargs: object) -> urllib3.BaseHTTPResponse:
        """One request on a pooled connection, without retries or redirects."""
        return self.http.request(method, self.url + path, redirect=False, **kwargs)  # type: ignore[arg-type]

    def wait_for(self, path: str) -> None:
        """Wait until that path answers 200. Raises AssertionError with the log where it does not come."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.request("GET", path).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{self.name} did not answer {path}:\n{self.output()}")

    def statuses(self, path: str, *, until: int, within: float) -> list[int]:
        """The statuses of requests, the last of which has the wanted one. Fails where it does not come in time."""
        statuses: list[int] = []
        deadline = time.monotonic() + within
        while not statuses or statuses[-1] != until:
            assert time.monotonic() < deadline, (path, statuses)
            statuses.append(self.request("GET", path).status)
            time.sleep(0.05)
        return statuses

    def output(self) -> str:
        """What the service has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def workers(self) -> list[int]:
        """The process ids of gunicorn's workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split()]

    def wait_for_workers(self, count: int, without: int = 0) -> list[int]:
        """Those workers once there are that many, not counting `without`. Raises AssertionError after 10 s."""
        deadline = time.monotonic() + 10
        while len(set(self.workers()) - {without}) < count:
            assert time.monotonic() < deadline, self.workers()
            time.sleep(0.05)
        return self.workers()

    def stop(self, by: signal.Signals = signal.SIGTERM, timeout: float = 25) -> int:
        """End it; the exit code."""
        self._hang_up()
        self.process.send_signal(by)
        try:
            return self.process.wait(timeout)
        finally:
            self.process.kill()
            self.process.wait()

    def _hang_up(self) -> None:
        # For a connection that is still open a stopping worker waits two seconds.
        for key in self.http.pools.keys():  # noqa: SIM118 # it is no mapping that can be iterated
            self.http.pools[key].close()
        self.http.clear()


@contextmanager
def running(name: str, folder: Path, *, until: str = "/readyz", **environment: str) -> Iterator[Service]:
    """A service in development, from when the path `until` answers to the end of the block. `folder` takes its log."""
    variables = {
        "PYTHONPATH": str(ROOT / "apps"),
        "ENVIRONMENT": "development",
        "SECRET_KEY": "tests-only-" + "k" * 32,
        "LOG_FORMAT": "json",
        "PORT": str(free_port()),
        "METRICS_PORT": str(free_port()),
        **environment,
    }
    service = Service(name, variables, folder / f"{name}-{variables['PORT']}.log")
    try:
        service.wait_for(until)
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def environment(database_url: str) -> dict[str, str]:
    """The environment of a management command in development, on that database."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "apps"),
        "ENVIRONMENT": "development",
        "SECRET_KEY": "tests-only-" + "k" * 32,
        "DATABASE_URL": database_url,
        "LOG_FORMAT": "json",
    }


def manage(database_url: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run ``python -m api COMMAND`` on that database."""
    ran = subprocess.run(
        [sys.executable, "-m", "api", *command],
        env=environment(database_url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or ran.returncode == 0, ran.stdout + ran.stderr
    return ran
