"""A fresh copy of the tree, as a clone has it, and `make run` in it."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
import urllib3

from tests.once import Once
from tests.requirements import require_program
from tests.services import ROOT, free_port

CLONE = "Ada's clöne of tandem"  # people's folders have such names
INSTALL_LIMIT = 240.0  # seconds, for a machine that has to download everything
KEPT = {"name": "Kept from the first run", "email": "kept@example.org"}
METRICS = 4000  # a metrics port lies so far above its service's
# What `make test` and pytest leave in the environment, and nobody's shell has.
FOREIGN = (
    *("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "PYTHONPATH", "VIRTUAL_ENV"),
    *("DJANGO_SETTINGS_MODULE", "ENVIRONMENT", "SECRET_KEY", "DATABASE_URL", "API_TOKEN"),
)


def copy_tree(folder: Path) -> Path:
    """A new folder with every file that git knows or would take: no environment, no data."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        source, target = ROOT / name, folder / name
        if name and source.is_symlink() | source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return folder


def shell_environment(**variables: str) -> dict[str, str]:
    """The environment of a person's shell, with these variables."""
    return {**{name: value for name, value in os.environ.items() if name not in FOREIGN}, **variables}


def make_run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make run`, or another command, where it is expected to end by itself and to leave no process."""
    process = subprocess.Popen(
        command or ("make", "run"),
        cwd=folder,
        env=shell_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(25)
        raise
    assert [] == processes_of(folder)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def processes_of(folder: Path) -> list[str]:
    """The command lines of the processes that run in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended, or is another user's
            continue
    return found


@dataclass
class Run:
    """A `make run` of its own process group, as a terminal has it."""

    folder: Path
    web_port: int
    api_port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def web(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def api(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.api_port}"

    def output(self) -> str:
        """What has been shown so far."""
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, url: str, text: str, limit: float) -> None:
        """Wait until there is an answer with that text."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if text in urllib3.request("GET", url, retries=False, timeout=5).data.decode():
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"no {text!r} at {url}:\n{self.output()}")

    def wait_until_shown(self, text: str, limit: float) -> None:
        """Wait until that text is on the terminal."""
        deadline = time.monotonic() + limit
        while text not in self.output():
            assert time.monotonic() < deadline, self.output()
            assert self.process.poll() is None, self.output()
            time.sleep(0.05)

    def wait_until_up(self, limit: float) -> None:
        """Wait until both answer."""
        self.wait_for(f"{self.api}/readyz", "ok", limit)
        self.wait_for(f"{self.web}/readyz", "ok", limit)

    def press_ctrl_c(self) -> int:
        """Interrupt the group; the exit code once it has ended, with no process left behind."""
        os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(25)
        assert [] == processes_of(self.folder)
        return code


@contextmanager
def _terminal(log: Path) -> Iterator[int]:
    """A terminal; what is shown on it is kept in the log."""
    ours, terminal = pty.openpty()

    def keep() -> None:
        with log.open("wb", buffering=0) as file, suppress(OSError):  # its other end is closed
            while shown := os.read(ours, 65536):
                file.write(shown)

    keeping = threading.Thread(target=keep)
    keeping.start()
    try:
        yield terminal
    finally:
        os.close(terminal)
        keeping.join()
        os.close(ours)


@contextmanager
def running(folder: Path, *, terminal: bool = False) -> Iterator[Run]:
    """`make run` in that folder, on free ports, until the end of the block; it writes to a file, or a terminal."""
    web_port, api_port = free_port(), free_port()
    log = folder.parent / f"run-{web_port}.log"
    log.touch()
    shown: AbstractContextManager[int | IO[bytes]] = _terminal(log) if terminal else log.open("wb")
    with shown as output:
        process = subprocess.Popen(
            # As a terminal starts it: what runs in a script's background ignores interrupts, and so would its children.
            ["env", "--default-signal=INT", "make", "run"],
            cwd=folder,
            env=shell_environment(WEB_PORT=str(web_port), API_PORT=str(api_port), LOG_FORMAT="text"),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        run = Run(folder, web_port, api_port, process, log)
        try:
            yield run
        finally:
            if process.poll() is None:
                run.press_ctrl_c()


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy in which nothing was installed yet, and nothing may be by the tests."""
    require_program("make", "make")
    return copy_tree(tmp_path_factory.mktemp("bare") / CLONE)


@pytest.fixture(scope="session")
def installed(once: Once) -> Path:
    """A fresh copy in which the first `make run` was interrupted while it installed, and the second one made `KEPT`."""
    require_program("make", "make")
    return once.folder("installed", _install) / CLONE


def _install(parent: Path) -> None:
    folder = copy_tree(parent / CLONE)
    with running(folder) as run:
        run.wait_until_shown("Installing", INSTALL_LIMIT)
        time.sleep(1)  # in the midst of it
        assert 0 != run.press_ctrl_c()
        assert "Traceback" not in run.output().partition("Installing")[0]
    with running(folder) as run:
        run.wait_until_up(INSTALL_LIMIT)
        assert 201 == urllib3.request("POST", f"{run.api}/users", json=KEPT).status


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Where a test may put a Python that lacks something: a script around this one."""
    return tmp_path / "python3"


def write_python(path: Path, prelude: str) -> str:
    """A Python whose ``-c`` begins with those statements, and whose version is what they make of it; its path."""
    program = f"import sys; {prelude}; exec(sys.argv.pop(1))"
    version = "import sys; print('Python', '.'.join(map(str, sys.version_info[:3])))"
    path.write_text(
        f"""#!/bin/sh
case $1 in
    --version) exec "{sys.executable}" -c "{program}" "{version}" ;;
    -c) exec "{sys.executable}" -c "{program}" "$2" ;;
    *) exit 99 ;; # nothing else may be run with it
esac
"""
    )
    path.chmod(0o755)
    return str(path)
