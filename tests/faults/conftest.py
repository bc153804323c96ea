from collections.abc import Iterator

import pytest

from tests.cluster.conftest import (  # noqa: F401 # fixtures, and the hook that they need
    app_images,
    cluster,
    namespace,
    pytest_runtest_makereport,
    shared_namespace,
)
from tests.cluster.kube import Cluster, Namespace
from tests.cluster.release import Release, Shell
from tests.faults.nodeports import reserved
from tests.faults.stage import FIGURES, POSTGRESQL, Stage


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "thorough: a fault that `make test-cluster` leaves to `make test-faults`")


@pytest.fixture(scope="module")
def installed(
    cluster: Cluster,  # noqa: F811
    shared_namespace: Namespace,  # noqa: F811
    app_images: dict[str, str],  # noqa: F811
    request: pytest.FixtureRequest,
) -> Iterator[Stage]:
    """Two replicas of each service on PostgreSQL, behind the mapped ports; a module's faults share it."""
    with reserved(cluster):
        made = Stage(Release(shared_namespace), POSTGRESQL, replicas=2)
        made.install()
        yield made
        request.config.stash.setdefault(FIGURES, []).extend(made.figures)
        made.release.helm("uninstall", made.release.name)  # the ports are free again only then


@pytest.fixture
def stage(installed: Stage) -> Stage:
    """That release, as it was installed and whole again, whatever the fault before has left."""
    installed.upgrade()
    installed.settle()
    return installed


@pytest.fixture
def shell(installed: Stage, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A person's shell in its namespace."""
    return Shell(installed.namespace, tmp_path_factory.mktemp("shell"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)
