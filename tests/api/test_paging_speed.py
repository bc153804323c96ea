"""A page costs the same wherever it lies and however many users there are."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import dj_database_url
import psycopg
import pytest

from tests.once import Once
from tests.postgres import Server
from tests.services import ROOT, environment

MANY, FEW = 1_000_000, 1_000
ROUNDS = 11
LIMIT = 1.3
FIRST = "/users"
# By cursor, each in the middle of its table: page 5,000 of a hundred users, and page 5.
DEEP = {MANY: f"/users?after={4_999 * 100:016x}", FEW: f"/users?after={4 * 100:016x}"}

_TIME = "2026-01-02 03:04:05"
_SQLITE = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    INSERT INTO users_user (name, email, version, created_at, updated_at)
    SELECT 'User ' || i, printf('user%07d@example.org', i), 1, :time, :time FROM n
"""
_POSTGRESQL = """
    INSERT INTO users_user (name, email, version, created_at, updated_at)
    SELECT 'User ' || i, 'user' || lpad(i::text, 7, '0') || '@example.org', 1, %(time)s, %(time)s
    FROM generate_series(1, %(count)s) AS n(i)
"""


def _fill_sqlite(url: str, count: int) -> None:
    with sqlite3.connect(dj_database_url.parse(url)["NAME"]) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute(_SQLITE, {"count": count, "time": _TIME})
    database.close()


def _fill_postgresql(url: str, count: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE users_user SET UNLOGGED")  # half the time, and nothing else
        connection.execute(_POSTGRESQL, {"count": count, "time": _TIME})
        connection.execute("VACUUM ANALYZE users_user")


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, once: Once, tmp_path: Path) -> dict[int, str]:
    """A database with many users and one with few, by their number."""
    urls = {}
    for count in (MANY, FEW):
        if request.param == "sqlite":
            urls[count] = once.sqlite(tmp_path, name=f"{count}.db")
            _fill_sqlite(urls[count], count)
        else:
            server: Server = request.getfixturevalue("postgres_server")
            urls[count] = server.create_migrated()
            _fill_postgresql(urls[count], count)
    return urls


class Asker:
    """The api within a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def median(self, path: str) -> int:
        """The median time of some requests, in nanoseconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def asker(url: str) -> Iterator[Asker]:
    """An asker on that database."""
    variables = {**environment(url), "DJANGO_SETTINGS_MODULE": "api.settings", "LOG_LEVEL": "error"}
    path = os.pathsep.join([variables["PYTHONPATH"], str(ROOT)])
    with subprocess.Popen(
        [sys.executable, "-m", "tests.api.asker"],
        env={**variables, "PYTHONPATH": path},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Asker(process)
        assert process.stdin is not None
        process.stdin.close()


def test_many_users_cost_no_more_than_few(databases: dict[int, str]) -> None:
    """The first page of a million users, and page 5,000, within 1.3 times the time of such a page of a thousand."""
    times: dict[tuple[str, int], list[int]] = {}
    with asker(databases[MANY]) as many, asker(databases[FEW]) as few:
        askers = {MANY: many, FEW: few}
        for round_number in range(ROUNDS + 1):
            for count in (MANY, FEW) if round_number % 2 else (FEW, MANY):
                for place, path in (("first", FIRST), ("deep", DEEP[count])):
                    took = askers[count].median(path)
                    if round_number:  # the first one warms up
                        times.setdefault((place, count), []).append(took)
    medians = {key: median(taken) for key, taken in times.items()}
    ratios = {place: medians[place, MANY] / medians[place, FEW] for place in ("first", "deep")}
    print({f"{place}, {count} users": f"{ns / 1e6:.3f} ms" for (place, count), ns in medians.items()}, ratios)  # noqa: T201
    assert ratios["first"] <= LIMIT
    assert ratios["deep"] <= LIMIT
