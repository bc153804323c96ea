"""What every folder of tests shares: real services, a real PostgreSQL, and no skip that CI does not know by name."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import postgres
from tests.once import Once, of_the_run
from tests.requirements import ALLOWED_IN_CI, missing
from tests.services import Service, running


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """What is made once, for all processes of a run."""
    return of_the_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server; skips where none is installed."""
    with postgres.serving() as server:
        if server is None:
            missing("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
        assert server is not None
        yield server


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def database_url(request: pytest.FixtureRequest, once: Once, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database without users: each test that uses it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return once.sqlite(tmp_path_factory.mktemp("database"))
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return server.create_migrated()


@pytest.fixture(scope="module")
def api(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The api service on that database, without a token."""
    with running("api", tmp_path_factory.mktemp("api"), DATABASE_URL=database_url) as service:
        yield service


@pytest.fixture(scope="module")
def sample_database(once: Once, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SQLite database with the sample users."""
    return once.sqlite(tmp_path_factory.mktemp("database"), sample=True)


Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start services that end with the test: ``start("web", API_URL=…)``."""
    with ExitStack() as stack:
        yield lambda name, **environment: stack.enter_context(running(name, tmp_path, **environment))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With `--dist loadfile`: the files that measure wait for the end."""
    from tests.parallel import AloneAtTheEnd  # pytest-xdist is nothing that a single file's tests need

    return AloneAtTheEnd(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip that CI does not allow by name is a failure, whoever skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None:
        return
    unknown = [report for report in reporter.stats.get("skipped", []) if not _is_allowed(report)]
    if not unknown:
        return
    session.exitstatus = pytest.ExitCode.TESTS_FAILED
    reporter.write_line("")  # the line of dots has no end yet
    for report in unknown:
        reporter.write_line(f"skipped in CI: {report.nodeid}: {_reason(report)}", red=True)


def _reason(report: pytest.TestReport) -> str:
    return report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else str(report.longrepr)


def _is_allowed(report: pytest.TestReport) -> bool:
    return _reason(report).startswith(ALLOWED_IN_CI)
