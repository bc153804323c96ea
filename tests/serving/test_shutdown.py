"""Nothing lost when a process goes: the shutdown promises of both services, witnessed by a client with a ledger."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import oracle
from tests.faults.load import load
from tests.postgres import Server
from tests.services import Service, running

RATE = 200
API = ("api list", "api create", "api read", "api list", "api change", "api create", "api delete")
LISTEN = "0A"  # a socket that is no connection
WEB = ("web hello", "web list", "web hello", "web create", "web hello")


@pytest.fixture(scope="module")
def database_url(postgres_server: Server) -> str:
    """A database on PostgreSQL, which more than one api can have at once."""
    return postgres_server.create_migrated()


@pytest.fixture(scope="module")
def lasting(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An api that stays."""
    with running("api", tmp_path_factory.mktemp("api"), DATABASE_URL=database_url, WEB_CONCURRENCY="2") as service:
        yield service


@pytest.fixture(params=["api", "web"])
def services(
    request: pytest.FixtureRequest, start: Callable[..., Service], lasting: Service, database_url: str
) -> tuple[str, Service, str]:
    """Which service is to go, it, and where the users can be read afterwards."""
    if request.param == "api":
        return "api", start("api", DATABASE_URL=database_url, WEB_CONCURRENCY="2"), lasting.url
    return "web", start("web", API_URL=lasting.url, WEB_CONCURRENCY="2"), lasting.url


def _stop_and_count(worker: int, port: int) -> int:
    """Have a worker stand still; how many clients' connections it holds (proc_pid_stat(5), proc_net_tcp(5))."""
    os.kill(worker, signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{worker}/stat").read_text().rpartition(") ")[2][0] != "T":
        assert time.monotonic() < deadline
    rows = [line.split() for line in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]]
    clients = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] != LISTEN}
    return sum(str(file.readlink()) in clients for file in Path(f"/proc/{worker}/fd").iterdir())


def test_sigterm_loses_nothing_that_was_accepted(services: tuple[str, Service, str]) -> None:
    """Under 200 requests/s of keep-alive clients: an open connection is served, what is answered is stored."""
    name, service, url = services
    mix = API if name == "api" else WEB
    with load({name: service.port}, mix=mix, rate=RATE, new_share=0) as run:
        run.rest(1)
        ended = run.mark("SIGTERM")
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(25) == 0
        gone = run.mark("gone")
    # web says 503 at once where all its calls to api are taken (the contract's own bound): an answer, and nothing lost.
    lost = run.ledger.where(lambda entry: not entry.ok and entry.status == 0)
    assert [] == lost.between(0, ended - 0.5).entries
    # A connection that was established is served to its end; a new one finds nobody, or one who no longer accepts.
    assert [] == [entry for entry in lost.entries if entry.reused]
    assert set(lost.kinds) <= {f"{name} refused", f"{name} reset"}
    assert set(run.ledger.kinds) - set(lost.kinds) <= {"web 503"}
    assert gone - ended < 20
    assert len(run.ledger.acknowledged) > 20
    assert [] == oracle.violations(run.ledger, oracle.read(url, None, run.plan.run))


def test_sigkill_of_a_worker_loses_only_what_it_had(services: tuple[str, Service, str]) -> None:
    """At most what it had in hand fails, the next second serves all, and every acknowledged write is stored."""
    name, service, url = services
    with load({name: service.port}, mix=API if name == "api" else WEB, rate=RATE) as run:
        run.rest(1)
        worker = service.workers()[0]
        killed = run.mark("SIGKILL of a worker")
        held = _stop_and_count(worker, service.port)
        os.kill(worker, signal.SIGKILL)
        run.rest(4)
    lost = run.ledger.where(lambda entry: not entry.ok and entry.status == 0)
    # A connection carries one request at a time. However long one has waited for its turn, it is the worker's to lose.
    assert len(lost) <= held
    assert [] == [entry for entry in lost.entries if entry.done < killed or entry.due > killed + 1], lost.kinds
    assert set(lost.kinds) <= {f"{name} reset", f"{name} cut off"}
    assert set(run.ledger.kinds) - set(lost.kinds) <= {"web 503"}
    assert 2 == len(service.workers())
    assert [] == oracle.violations(run.ledger, oracle.read(url, None, run.plan.run))
