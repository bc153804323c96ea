"""How fast api answers those who keep coming while its database is away."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3

from tests.postgres import Server
from tests.services import Service, running


def test_many_clients_during_an_outage(postgres_server: Server, tmp_path: Path) -> None:
    """Requests that keep coming hear a 503 at once, `/livez` stays fast, and the return is noticed within seconds."""
    url = postgres_server.create_migrated()
    with running("api", tmp_path, DATABASE_URL=url, WEB_CONCURRENCY="1") as api:
        assert api.request("GET", "/users").status == 200
        postgres_server.stop()
        try:
            with ThreadPoolExecutor(16) as clients:
                asked = [clients.submit(_timed, api, "/users") for _ in range(200)]
                time.sleep(3)
                assert _timed(api, "/livez")[1] < 0.5
            answers = [each.result() for each in asked]
            assert {status for status, _ in answers} == {503}
            assert sorted(took for _, took in answers)[len(answers) // 2] < 0.5
        finally:
            postgres_server.start()
        api.statuses("/users", until=200, within=5)
        assert api.request("GET", "/users").status == 200


def _timed(api: Service, path: str) -> tuple[int, float]:
    started = time.monotonic()
    status = urllib3.request("GET", api.url + path, retries=False, timeout=20).status
    return status, time.monotonic() - started
