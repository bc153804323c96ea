"""What two idle workers keep of the machine's memory after a load."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3

from tests.services import Service, running

MIB = 1024  # KiB
CLIENTS = 3  # as many calls to api as one worker makes at once
REQUESTS = 300  # of each client


def pss(service: Service) -> float:
    """The proportional set size of the service's processes, in MiB: memory that they share counts once."""
    return sum(_pss(pid) for pid in (service.process.pid, *service.workers())) / MIB


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def load(url: str) -> None:
    """Clients that read the list, each on a connection of its own."""

    def client(_number: int) -> None:
        with urllib3.PoolManager(retries=False) as http:
            for _ in range(REQUESTS):
                assert http.request("GET", url).status == 200

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))


def test_idle_memory(sample_database: str, tmp_path: Path) -> None:
    """Two workers after a load: web at most 80 MiB, api at most 120."""
    workers = {"WEB_CONCURRENCY": "2"}
    with (
        running("api", tmp_path, DATABASE_URL=sample_database, **workers) as api,
        running("web", tmp_path, API_URL=api.url, **workers) as web,
    ):
        load(f"{web.url}/users")
        load(f"{api.url}/users")
        taken = {service.name: round(pss(service), 1) for service in (web, api)}
    print(taken)  # noqa: T201  # shown by `pytest -rP`
    assert taken["web"] <= 80
    assert taken["api"] <= 120
