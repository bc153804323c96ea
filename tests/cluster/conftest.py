import re
import secrets
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.kube import ROOT, SHELL_IMAGE, Cluster, Namespace, command, pod, postgres

REPORTS = ROOT / ".local" / "reports"
REPORT = pytest.StashKey[dict[str, pytest.TestReport]]()
SUMMARY = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster that `make cluster` makes: made now, or the running one of ours."""
    done = subprocess.run([ROOT / "tools/cluster/up.sh"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.exit(done.stderr.strip(), returncode=1)
    command("tools/cluster/load.sh", SHELL_IMAGE, timeout=300)
    return Cluster()


@pytest.fixture(scope="session")
def app_images(cluster: Cluster) -> dict[str, str]:
    """The names of web's and api's images at this version, built of this tree, in every node."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {name: f"tandem-{name}:{version}" for name in ("web", "api")}
    command("tools/images.sh", timeout=900)
    command("tools/cluster/load.sh", *images.values(), timeout=300)
    return images


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace of the test's own that admits restricted pods only. Where the test fails its state is kept."""
    with cluster.namespace(unique(request.node.name)) as made:
        yield made
        reports = request.node.stash.get(REPORT, {})
        if any(report.failed for report in reports.values()):
            made.keep(REPORTS / re.sub(r"[^\w.-]+", "-", request.node.name))


@pytest.fixture(scope="module")
def shared_namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """One such namespace for all the tests of a module, kept where one of them fails."""
    failed = request.session.testsfailed
    with cluster.namespace(unique(request.module.__name__.rpartition("test_")[2])) as made:
        yield made
        if request.session.testsfailed > failed:
            made.keep(REPORTS / made.name)


@pytest.fixture(scope="session")
def policies_enforced(cluster: Cluster, request: pytest.FixtureRequest) -> bool:
    """Whether this cluster enforces NetworkPolicy, found out by trying."""
    deny = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny"},
        "spec": {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]},
    }
    with cluster.namespace(unique("policy-detection")) as namespace:
        address = namespace.start(postgres("server")).status.pod_ip
        reach = f"pg_isready -q -t 2 -h {address} -U postgres"
        namespace.run(pod("before", "sh", "-c", reach))
        namespace.create(deny)
        # An engine may take a moment to act on a new policy.
        watch = f"for try in 1 2 3 4 5 6 7 8 9 10; do {reach} || {{ echo blocked; exit; }}; sleep 1; done; echo open"
        enforced = namespace.run(pod("after", "sh", "-c", watch)).strip() == "blocked"
    request.config.stash[SUMMARY] = [f"NetworkPolicy is {'' if enforced else 'not '}enforced in this cluster"]
    return enforced


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Keeps a measured figure, one sentence, for the end of the run."""
    return lambda sentence: record_property("figure", sentence)


def unique(name: str) -> str:
    """A name that a namespace may have, and that no other run uses."""
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower())[:50].strip('-')}-{secrets.token_hex(3)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    item.stash.setdefault(REPORT, {})[report.when] = report
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    figures = [str(value) for report in reports for name, value in report.user_properties if name == "figure"]
    for line in [*config.stash.get(SUMMARY, []), *figures]:
        terminalreporter.write_line(line)
