"""What happens inside a container: a process is killed, the memory is used up."""

import pytest

from tests.cluster.kube import command, eventually
from tests.faults.load import Load
from tests.faults.stage import SERVICES, Stage

pytestmark = pytest.mark.thorough

KILL_WORKER = """
import os, pathlib, signal
workers = pathlib.Path("/proc/1/task/1/children").read_text().split()
os.kill(int(workers[0]), signal.SIGKILL)
print(len(workers))
"""
# Many small processes: the kernel ends the largest, which is then the service's own.
USE_UP_MEMORY = """
import os, time
children = []
for number in range(40):
    if (child := os.fork()) == 0:
        used = bytearray(12 * 1024 * 1024)
        used[::4096] = b"x" * len(used[::4096])
        time.sleep(15)
        os._exit(0)
    time.sleep(0.05)
time.sleep(10)
"""


def outside(run: Load, moments: list[float], seconds: float) -> list[str]:
    """The failures that came later than that after each of the moments."""
    return [
        f"{entry.due - moments[0]:.1f} s after the first: {entry.service} {entry.kind}"
        for entry in run.ledger.failed
        if not any(0 <= entry.done - moment <= seconds for moment in moments)
    ]


def test_fault_3_worker_killed(stage: Stage) -> None:
    """B: a worker of each service gets SIGKILL; its own in-flight requests are lost, and the rest is served."""
    with stage.load() as run:
        killed = []
        for service in SERVICES:
            killed.append(run.mark(f"{service} worker killed"))
            assert "2" == stage.python(stage.release.pods(service)[0].metadata.name, service, KILL_WORKER).strip()
            run.rest(8)
    stage.report("3-worker", "SIGKILL of a worker of each service", run, restarts=str(run.restarts))
    assert 0 == run.restarts
    assert [] == outside(run, killed, 2)
    assert len(run.ledger.failed) <= 2 * 8, "two workers of four threads, and what waited for one of them"


def test_fault_3_master_killed(stage: Stage) -> None:
    """B: gunicorn's master of each service gets SIGKILL, which ends its container; the other pod serves."""
    with stage.load() as run:
        killed = []
        for service in SERVICES:
            pod = stage.release.pods(service)[0]
            container = pod.status.container_statuses[0].container_id.rpartition("/")[2]
            tasks = command("docker", "exec", pod.spec.node_name, "ctr", "--namespace", "k8s.io", "task", "list")
            (process,) = [line.split()[1] for line in tasks.splitlines() if line.startswith(container)]
            killed.append(run.mark(f"{service} master killed"))
            command("docker", "exec", pod.spec.node_name, "kill", "-9", process)
            eventually("the container runs again", lambda: restarted(stage, pod.metadata.name), 60)  # noqa: B023 # asked now
            run.rest(8)
    stage.report("3-master", "SIGKILL of the gunicorn master of each service", run, restarts=str(run.restarts))
    assert 2 == run.restarts
    assert [] == outside(run, killed, 5)


def restarted(stage: Stage, name: str) -> bool:
    status = stage.namespace.core.read_namespaced_pod(name, stage.namespace.name).status.container_statuses[0]
    return bool(status.restart_count and status.ready)


@pytest.mark.parametrize("service", SERVICES)
def test_fault_13_memory_limit_hit(stage: Stage, service: str) -> None:
    """B: one pod runs into its memory limit; it recovers alone, and nobody else notices."""
    others = {each.metadata.name: each.status.container_statuses[0].restart_count for each in others_of(stage, service)}
    with stage.load() as run:
        pod = stage.release.pods(service)[0]
        began = run.mark(f"memory of a {service} pod used up")
        try:
            stage.python(pod.metadata.name, service, USE_UP_MEMORY)
        except AssertionError as ended:  # with its container, or by the kernel
            run.mark(f"ended: {str(ended)[-30:]}")
        over = run.mark("memory is free again")
        run.rest(15)
    stage.report(f"13-{service}", f"memory limit of a {service} pod hit", run, restarts=str(run.restarts))
    assert others == {
        each.metadata.name: each.status.container_statuses[0].restart_count for each in others_of(stage, service)
    }
    assert [] == [entry for entry in run.ledger.failed if not began <= entry.done <= over + 10]
    if service == "api":
        assert [] == [entry for entry in run.ledger.failed if entry.operation == "hello"]
    else:
        assert [] == run.ledger.of("api").failed


def others_of(stage: Stage, service: str) -> list:  # type: ignore[type-arg]
    """Every pod but the service's first."""
    return [pod for name in SERVICES for pod in stage.release.pods(name)[1 if name == service else 0 :]]
