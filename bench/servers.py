"""Servers as process trees: started, measured from outside, stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bench.data import ROOT, STATE


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Server:
    """One server. `command` may hold ``{port}``."""

    def __init__(self, name: str, command: list[str], folder: Path, environment: Mapping[str, str], ready: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        STATE.mkdir(parents=True, exist_ok=True)
        self._log = STATE / f"{name.replace(' ', '-')}.log"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *(part.format(port=self.port) for part in command)],
                cwd=folder,
                env={**os.environ, "PORT": str(self.port), "METRICS_PORT": str(free_port()), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while not self._answers(ready):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start; its log is {self._log}")
            time.sleep(0.1)

    def _answers(self, path: str) -> bool:
        try:
            urllib.request.urlopen(self.url + path, timeout=2).close()  # noqa: S310  # our own address
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _pids(self) -> list[int]:
        pids = [self.process.pid]
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(FileNotFoundError):  # a thread that has ended meanwhile
                    pids.extend(map(int, task.read_text().split()))
        return pids

    def cpu(self) -> float:
        """Seconds of user and system time of the whole tree so far, to the nanosecond (clock_getcpuclockid(3))."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self._pids())

    def memory(self) -> float:
        """MiB of proportional set size of the whole tree."""
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self._pids()]
        lines = [line for text in rollups for line in text.splitlines() if line.startswith("Pss:")]
        return sum(int(line.split()[1]) for line in lines) / 1024

    def stop(self) -> None:
        """End it and whatever it started."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


_GUNICORN = ["-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}"]
_GTHREAD = [*_GUNICORN, "--worker-class", "gthread", "--threads", "4"]
_PEERS = ROOT / "bench" / "peers"
TOKEN = "0123456789abcdef" * 3


def ours(service: str, **environment: str) -> Server:
    """Our service as production runs it: token, logs and metrics on."""
    variables = {
        "PYTHONPATH": str(ROOT / "apps"),
        "ENVIRONMENT": "production",
        "SECRET_KEY": TOKEN[::-1],
        "API_TOKEN": TOKEN,
        "ALLOWED_HOSTS": "127.0.0.1",
        "WEB_CONCURRENCY": "2",
        "LOG_FORMAT": "json",
        **environment,
    }
    return Server(f"ours {service}", ["-m", service], ROOT, variables, "/readyz")


def hello() -> Server:
    """One file of Flask on gthread."""
    return Server("floor hello", [*_GTHREAD, "hello:app"], _PEERS / "floor", {}, "/")


def peer_api(kind: str, database: Path) -> Server:
    """A peer's list: floor, sync, gthread or tutorial."""
    variables = {"DATABASE": str(database)}
    if kind == "floor":
        folder, command = _PEERS / "tutorial", [*_GTHREAD, "manage:application"]
        variables["BARE"] = "1"
    elif kind == "tutorial":
        folder, command = _PEERS / "tutorial", ["manage.py", "runserver", "127.0.0.1:{port}"]
    else:
        folder, command = _PEERS / "drf", [*(_GTHREAD if kind == "gthread" else _GUNICORN), "wsgi:application"]
    return Server(f"{kind} api", command, folder, variables, "/users")


def peer_web(kind: str, api: Server) -> Server:
    """A peer's pages in front of its list: sync, gthread or tutorial."""
    command = {
        "tutorial": ["-m", "flask", "run", "--port", "{port}"],
        "sync": [*_GUNICORN, "app:app"],
        "gthread": [*_GTHREAD, "app:app"],
    }[kind]
    return Server(f"{kind} web", command, _PEERS / "tutorial", {"API_URL": api.url}, "/")
