"""How many connections api keeps to PostgreSQL, and that those which the database has ended cost nobody a request."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.postgres import Server
from tests.services import Service, running

THREADS = 4
OURS = "FROM pg_stat_activity WHERE application_name = 'tandem-api' AND datname = current_database()"


@pytest.fixture
def url(postgres_server: Server) -> str:
    """A database with api's tables."""
    return postgres_server.create_migrated()


@pytest.fixture
def api(url: str, tmp_path: Path) -> Iterator[Service]:
    """One worker on that database."""
    with running("api", tmp_path, DATABASE_URL=url, WEB_CONCURRENCY="1", THREADS=str(THREADS)) as service:
        yield service


def open_connections(url: str) -> int:
    """How many connections api has to that database now."""
    with psycopg.connect(url) as connection:
        return int(connection.execute(f"SELECT count(*) {OURS}").fetchone()[0])  # type: ignore[index]


def wait_in_parallel(api: Service, url: str, requests: int) -> int:
    """Let that many requests wait for a lock at the same time; the most connections that there were meanwhile."""
    most = 0
    with ThreadPoolExecutor(requests) as clients, psycopg.connect(url) as locker:
        locker.execute("LOCK TABLE users_user IN ACCESS EXCLUSIVE MODE")
        asked = [clients.submit(api.request, "GET", "/users") for _ in range(requests)]
        for _ in range(20):
            most = max(most, open_connections(url))
            time.sleep(0.05)
        locker.rollback()
        assert {each.result().status for each in asked} == {200}
    return most


def test_connections_follow_what_is_asked_at_once(api: Service, url: str) -> None:
    """One after another they share one; those that wait for the database have one each, up to one a thread."""
    assert api.request("GET", "/users").status == 200
    assert open_connections(url) == 1

    assert wait_in_parallel(api, url, THREADS) == THREADS
    assert wait_in_parallel(api, url, 3 * THREADS) == THREADS


def test_connections_that_the_database_ended_cost_no_request(api: Service, url: str) -> None:
    """All of them at once, as a restart of a pooler or a failover does; and requests follow without a pause."""
    assert wait_in_parallel(api, url, THREADS) == THREADS

    with psycopg.connect(url) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid, 2000) {OURS}")

    assert [api.request("GET", "/users").status for _ in range(2 * THREADS)] == [200] * 2 * THREADS
