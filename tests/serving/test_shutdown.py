"""Nothing lost when a process goes: the shutdown promises of both services, witnessed by a client with a ledger."""

import os
import signal
from collections.abc import Callable

import pytest

from tests.faults import oracle
from tests.faults.load import load
from tests.postgres import Server
from tests.services import Service

pytestmark = pytest.mark.xdist_group("alone")  # a fixed load, and no figure of another's making

RATE = 200
API = ("api list", "api create", "api read", "api list", "api change", "api create", "api delete")
WEB = ("web hello", "web list", "web hello", "web create", "web hello")


@pytest.fixture
def database_url(postgres_server: Server) -> str:
    """A database on PostgreSQL, which more than one api can have at once."""
    return postgres_server.create_migrated()


@pytest.fixture(params=["api", "web"])
def services(
    request: pytest.FixtureRequest, start: Callable[..., Service], database_url: str
) -> tuple[str, Service, str]:
    """Which service is to go, it, and where the users can be read afterwards."""
    lasting = start("api", DATABASE_URL=database_url, WEB_CONCURRENCY="2")
    if request.param == "api":
        return "api", start("api", DATABASE_URL=database_url, WEB_CONCURRENCY="2"), lasting.url
    return "web", start("web", API_URL=lasting.url, WEB_CONCURRENCY="2"), lasting.url


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
    """At most its four threads' requests fail, the next second serves all, and every acknowledged write is stored."""
    name, service, url = services
    with load({name: service.port}, mix=API if name == "api" else WEB, rate=RATE) as run:
        run.rest(1)
        killed = run.mark("SIGKILL of a worker")
        os.kill(service.workers()[0], signal.SIGKILL)
        run.rest(4)
    lost = run.ledger.where(lambda entry: not entry.ok and entry.status == 0)
    assert [] == [entry for entry in lost.entries if not killed - 0.1 <= entry.due <= killed + 1], lost.kinds
    assert set(lost.kinds) <= {f"{name} reset", f"{name} cut off"}
    assert set(run.ledger.kinds) - set(lost.kinds) <= {"web 503"}
    assert 2 == len(service.workers())
    assert [] == oracle.violations(run.ledger, oracle.read(url, None, run.plan.run))
