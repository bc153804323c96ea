"""The management commands, as an operator runs them, on both databases."""

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
import termios
import time
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from api.users.management.commands.loadusers import SAMPLE
from api.users.management.commands.migrate import LOCK
from tests.postgres import Server
from tests.services import environment, manage


def emails(database_url: str) -> list[str]:
    """The addresses in the database, oldest user first."""
    query = "SELECT email FROM users_user ORDER BY id"
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as database:
            return [row[0] for row in database.execute(query)]
    with psycopg.connect(database_url) as connection:
        return [row[0] for row in connection.execute(query)]


@pytest.fixture
def fresh_database(database_url: str) -> str:
    """The migrated database, without users."""
    statement = "DELETE FROM users_user"
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as database, database:
            database.execute(statement)
    else:
        with psycopg.connect(database_url) as connection:
            connection.execute(statement)
    return database_url


def test_sample_users_load_once(fresh_database: str) -> None:
    """The second time finds all of them there; with --if-empty it does not even look."""
    expected = [user["email"] for user in json.loads(SAMPLE.read_text())]
    assert "20 users created, 0 were there already" in manage(fresh_database, "loadusers", "--sample").stdout
    assert "0 users created, 20 were there already" in manage(fresh_database, "loadusers", "--sample").stdout
    assert "nothing was loaded" in manage(fresh_database, "loadusers", "--sample", "--if-empty").stdout
    assert expected == emails(fresh_database)


def test_a_file_with_bad_rows(fresh_database: str, tmp_path: Path) -> None:
    """Each bad row has a line with its number and field, the good ones are in, and the exit code says: not all."""
    file = tmp_path / "users.csv"
    file.write_text(
        "email,name,note\n"
        "grace@example.org,Grace Hopper,first\n"
        "not-an-address,Somebody,\n"
        "GRACE@example.org,Grace again,the same whatever the case\n"
        "alan@example.org,,\n"
        'ada@example.org,"Lovelace, Ada",\n',
        encoding="utf-8-sig",
    )
    ran = manage(fresh_database, "loadusers", str(file), check=False)
    assert ran.returncode == 1
    assert "2 users created, 1 were there already, 2 rows were bad." in ran.stdout
    lines = ran.stderr.splitlines()
    assert lines[0].startswith("users.csv, row 2: email: ")
    assert lines[1].startswith("users.csv, row 4: name: ")
    assert lines[2] == "CommandError: 2 rows were not loaded; each is named above."
    assert emails(fresh_database) == ["grace@example.org", "ada@example.org"]


def test_a_json_file(fresh_database: str, tmp_path: Path) -> None:
    """An array of users; what is no user is named, whatever it is."""
    file = tmp_path / "users.json"
    file.write_text(json.dumps([{"name": "Ada", "email": "ada@example.org"}, 7, None, {"name": "x"}, {"admin": 1}]))
    ran = manage(fresh_database, "loadusers", str(file), check=False)
    assert (ran.returncode, "1 users created" in ran.stdout, len(ran.stderr.splitlines())) == (1, True, 5)
    assert emails(fresh_database) == ["ada@example.org"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("users.txt", "", "has to end in .csv or .json."),
        ("users.json", "{}", "has to hold a JSON array of users."),
        ("users.json", "[", "is not JSON in UTF-8"),
        ("users.csv", "a,b\n1,2\n", "has to begin with a line that names its columns"),
        ("users.csv", "", "has to begin with a line that names its columns"),
        ("missing.csv", None, "cannot be read: No such file or directory."),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: str | None, sentence: str) -> None:
    """One sentence, exit code 1, no traceback; said before the database is asked for anything."""
    if content is not None:
        (tmp_path / name).write_text(content)
    ran = manage(f"sqlite:///{tmp_path}/none.db", "loadusers", str(tmp_path / name), check=False)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert sentence in ran.stderr


def test_a_terminal_shows_the_progress(fresh_database: str, tmp_path: Path) -> None:
    """A bar that counts the users, and in the end the one line that a file would get too."""
    file = tmp_path / "users.csv"
    file.write_text("name,email\n" + "".join(f"User {n},user{n}@example.org\n" for n in range(500)))
    terminal, command_end = pty.openpty()
    termios.tcsetwinsize(command_end, (24, 80))
    subprocess.run(
        [sys.executable, "-m", "api", "loadusers", str(file)],
        env=environment(fresh_database),
        stdout=command_end,
        stderr=command_end,
        check=True,
    )
    os.close(command_end)
    shown = b""
    with suppress(OSError):  # Linux says EIO at the end of a terminal that nobody holds any more
        while piece := os.read(terminal, 65536):
            shown += piece
    os.close(terminal)
    assert re.search(rb"\d+ users \[.*users/s\]", shown), shown
    assert b"500 users created" in shown


def test_many_users_load_fast(fresh_database: str, tmp_path: Path) -> None:
    """20,000 users are a matter of seconds, not of minutes."""
    file = tmp_path / "users.csv"
    file.write_text("name,email\n" + "".join(f"User {n},user{n}@example.org\n" for n in range(20_000)))
    started = time.monotonic()
    assert "20000 users created" in manage(fresh_database, "loadusers", str(file)).stdout
    assert time.monotonic() - started < 30


def test_migrate_is_done_at_once_where_nothing_waits(database_url: str) -> None:
    """Pods that start later do not wait for a lock."""
    assert manage(database_url, "migrate").stdout == "No migration is waiting.\n"


def _migrate(database_url: str) -> subprocess.Popen[str]:
    """``migrate`` in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "api", "migrate"],
        env=environment(database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_migrations_wait_for_each_other(postgres_server: Server) -> None:
    """While someone holds the lock nothing is migrated; then one of three does the work, and all end well."""
    url = postgres_server.create("locked")
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        running = [_migrate(url) for _ in range(3)]
        deadline = time.monotonic() + 15
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while holder.execute(waiting).fetchone() != (3,):
            assert time.monotonic() < deadline, "the migrations do not queue for the lock"
            time.sleep(0.05)
        assert holder.execute("SELECT to_regclass('users_user')").fetchone() == (None,)
    outputs = [process.communicate(timeout=30)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], outputs
    assert sum("Applying users.0001_initial... OK" in output for output in outputs) == 1
    assert all("Another migration is running; waiting for it." in output for output in outputs)


def test_migrate_names_a_database_that_is_away() -> None:
    """One sentence with host, port and name, without the password, and exit code 1."""
    ran = manage("postgresql://somebody:pass-word@127.0.0.1:9/users", "migrate", "--wait", "0", check=False)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert "The database 127.0.0.1:9/users does not answer: " in ran.stderr
    assert "pass-word" not in ran.stdout + ran.stderr


def test_migrate_waits_for_a_database_that_comes(postgres_server: Server) -> None:
    """A database that starts together with the service is waited for."""
    url = postgres_server.create("late")
    postgres_server.stop()
    try:
        process = _migrate(url)
        time.sleep(2)
        assert process.poll() is None
    finally:
        postgres_server.start()
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output
    assert "waiting." in output
