"""The database goes away and comes back: 503 with Retry-After meanwhile, no restart, nothing acknowledged lost."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.once import Once
from tests.postgres import Server
from tests.services import manage, running


def test_postgresql_stops_and_starts_again(postgres_server: Server, tmp_path: Path) -> None:
    """Liveness stays green, readiness names the check, writes are refused, and 5 s after its return all is well."""
    url = postgres_server.create_migrated()
    with running("api", tmp_path, DATABASE_URL=url, WEB_CONCURRENCY="2") as api:
        users = [{"name": f"User {n}", "email": f"user{n}@example.org"} for n in range(20)]
        created = [api.request("POST", "/users", json=user) for user in users]
        assert {response.status for response in created} == {201}
        workers = api.wait_for_workers(2)
        postgres_server.stop()
        try:
            for method, path, body in (
                ("GET", "/users", None),
                ("GET", "/users/1", None),
                ("POST", "/users", {"name": "Lost", "email": "lost@example.org"}),
                ("PATCH", "/users/1", {"name": "Lost"}),
                ("DELETE", "/users/1", None),
            ):
                started = time.monotonic()
                refused = api.request(method, path, json=body) if body else api.request(method, path)
                assert (refused.status, refused.headers["Retry-After"]) == (503, "1"), refused.data
                assert refused.headers["Content-Type"] == "application/problem+json"
                assert time.monotonic() - started < 3
            readiness = api.request("GET", "/readyz")
            assert (readiness.status, readiness.json()["checks"]) == (503, {"database": "does not answer"})
            assert api.request("GET", "/livez").status == 200
        finally:
            postgres_server.start()
        assert set(api.statuses("/readyz", until=200, within=5)) <= {200, 503}
        assert set(api.statuses("/users", until=200, within=5)) <= {200, 503}
        assert [user["name"] for user in api.request("GET", "/users").json()] == [user["name"] for user in users]
        assert api.workers() == workers
        assert "unhandled error" not in api.output()


def test_a_waiting_migration_keeps_the_service_out_of_rotation(tmp_path: Path) -> None:
    """Readiness names the migration; once it has run, the same processes are ready."""
    url = f"sqlite:///{tmp_path}/users.db"
    with running("api", tmp_path, until="/livez", DATABASE_URL=url) as api:
        readiness = api.request("GET", "/readyz")
        expected = {"database": "migrations are waiting: users.0001_initial"}
        assert (readiness.status, readiness.json()["checks"]) == (503, expected)
        manage(url, "migrate")
        assert api.request("GET", "/readyz").status == 200


def test_a_migration_of_newer_code_does_not(once: Once, tmp_path: Path) -> None:
    """In mid-rollout the old code goes on serving on the new schema."""
    url = once.sqlite(tmp_path)
    with closing(sqlite3.connect(tmp_path / "users.db")) as database, database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('users', '9999_newer', '2026-01-01')"
        )
    with running("api", tmp_path, DATABASE_URL=url) as api:
        assert api.request("GET", "/readyz").status == 200
