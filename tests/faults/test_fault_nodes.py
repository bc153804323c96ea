"""What happens to the machines below: a node is drained, a node is gone."""

from collections.abc import Callable

import pytest

from tests.cluster.kube import command, eventually
from tests.cluster.release import ready
from tests.faults.ledger import Entry
from tests.faults.stage import SERVICES, Stage

# The node controller waits 50 s for a node's heartbeat (--node-monitor-grace-period), looks every 5 s, and kubelet
# reports every 10 s; only then do the endpoints of its pods go.
UNNOTICED = 70.0


def test_fault_7_drain(stage: Stage) -> None:
    """A: both workers are drained in turn through the eviction API, each pod of both services moves twice."""
    goes = f"app.kubernetes.io/instance={stage.release.name},app.kubernetes.io/component in (web,api)"
    with stage.load() as run:
        for node in stage.cluster.workers():
            run.mark(f"drain of {node}")
            try:
                stage.cluster.kubectl("drain", node, f"--pod-selector={goes}", "--delete-emptydir-data", timeout=150)
                eventually("all pods are ready elsewhere", stage.whole, 60)
                assert node not in {pod.spec.node_name for name in SERVICES for pod in stage.release.pods(name)}
            finally:
                stage.cluster.kubectl("uncordon", node)
            run.rest(8)
    stage.no_failure(7, "drain of both workers through the eviction API", run)


@pytest.mark.thorough
def test_fault_8_node_stopped_and_back(stage: Stage) -> None:
    """B: until the cluster notices, requests sent to the lost node wait in vain; then the other one serves all."""
    spread(stage)
    database = stage.namespace.core.read_namespaced_pod("demo-api-postgresql-0", stage.namespace.name)
    (node,) = set(stage.cluster.workers()) - {database.spec.node_name}
    with stage.load(seconds=240) as run:
        stopped = run.mark("node stopped")
        try:
            command("docker", "stop", "--time", "1", node)
            eventually(
                "its endpoints are gone", lambda: [1, 1] == [ready(stage.release, name) for name in SERVICES], 120
            )
            noticed = run.mark("cluster has noticed")
            run.rest(20)
        finally:
            command("docker", "start", node)
        back = run.mark("node started")
        eventually("its pods serve again", stage.whole, 120)
        run.rest(10)
    unserved = [entry for entry in run.ledger.failed if entry.due > stopped]
    window = max((entry.due for entry in unserved if entry.due < back), default=stopped) - stopped
    stage.report(
        8, "node stopped, and back", run,
        **{"noticed after": f"{noticed - stopped:.0f} s", "last failure before the return": f"{window:.0f} s after"},
    )  # fmt: skip
    assert window <= UNNOTICED
    late: Callable[[Entry], bool] = lambda entry: noticed + 5 < entry.due < back  # noqa: E731
    assert [] == [entry for entry in unserved if late(entry)], "failures after the cluster had noticed"


def spread(stage: Stage) -> None:
    """Have one pod of each service on each worker, as after an installation."""
    stage.namespace.kubectl("rollout", "restart", "deployment/demo-web", "deployment/demo-api")
    for service in SERVICES:
        stage.namespace.kubectl("rollout", "status", f"deployment/demo-{service}", "--timeout=90s")
        assert 2 == len({pod.spec.node_name for pod in stage.release.pods(service)})
