"""A PostgreSQL server of the tests' own, from the packages of this machine, on a free port of 127.0.0.1."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from tests.requirements import postgres_programs
from tests.services import free_port, manage


class Server:
    """A server that can be stopped and started again on the same data and port."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.port = free_port()
        # initdb and postgres refuse to run as root.
        self._as_user = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._migrated = ""
        self._numbers = itertools.count(1)
        options = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        self._run("initdb", "-D", str(folder / "data"), *options)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([*self._as_user, self.programs / program, *arguments], check=True, capture_output=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            # Tests kill the server and never the machine: what was written is there without waiting for the disk.
            "fsync": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user, self.programs / "postgres", "-D", self.folder / "data", *options],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres"), connect_timeout=2):
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        """Stop it at once, as a killed pod does: immediate shutdown, recovery at the next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
            self._process = None

    def url(self, database: str) -> str:
        """The DATABASE_URL of a database on this server."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template1") -> str:
        """A new database, empty or a copy of another; its DATABASE_URL."""
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(create.format(sql.Identifier(database), sql.Identifier(template)))
        return self.url(database)

    def create_migrated(self) -> str:
        """A new database with api's tables and without users; its DATABASE_URL."""
        if not self._migrated:
            self._migrated = "migrated"
            manage(self.create(self._migrated), "migrate")
        return self.create(f"migrated_{next(self._numbers)}", self._migrated)


@contextmanager
def serving() -> Iterator[Server | None]:
    """A running server, or None where this machine has none."""
    programs = postgres_programs()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="tandem-postgres-"))  # in /tmp: a socket's path may have 107 bytes
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    server = Server(programs, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
