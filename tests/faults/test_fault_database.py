"""The database goes away and comes back."""

import time
from datetime import UTC, datetime

from tests.cluster.kube import eventually
from tests.faults import wire
from tests.faults.load import Load
from tests.faults.stage import SERVICES, Stage

POD = "demo-api-postgresql-0"
AWAY_FOR = 30  # seconds
BACK_WITHIN = 5.0  # seconds
CLEAR = {"web 503", "api 503"}
# api's pods leave the rotation, and a Service without endpoints refuses a new connection: that is the platform's word
# for a clear no. The kernel says it once a second to each address (icmp_ratelimit), so that most hear nothing at all.
# A request on an open connection is served, and one that was taken and waits in vain has no excuse.
NO_ENDPOINT = {wire.REFUSED, wire.UNCONNECTED, wire.RESET}


def returned(stage: Stage) -> float:
    """Wait until the database is ready; when it became so, as `time.monotonic()` (the cluster tells whole seconds)."""
    found = stage.namespace.wait_ready(POD, 120)
    (since,) = [each.last_transition_time for each in found.status.conditions if each.type == "Ready"]
    return time.monotonic() - (datetime.now(UTC) - since).total_seconds()  # type: ignore


def recovery(run: Load, back: float) -> float:
    """Seconds from the database's return to the last failure."""
    return max((entry.done for entry in run.ledger.failed if entry.done > back), default=back) - back


def check(stage: Stage, run: Load, number: str, title: str, back: float) -> None:
    took = recovery(run, back)
    stage.report(number, title, run, **{"recovery after its return": f"{took:.1f} s", "restarts": str(run.restarts)})
    platform = run.ledger.where(lambda entry: entry.service == "api" and not entry.reused and entry.kind in NO_ENDPOINT)
    assert set(run.ledger.kinds - platform.kinds) <= CLEAR
    assert [] == [entry for entry in run.ledger.failed if entry.operation == "hello"]
    assert 0 == run.restarts
    assert took <= BACK_WITHIN


def test_fault_9_database_pod_deleted(stage: Stage) -> None:
    """B: clear answers while it is away, within 5 s of its return all is served."""
    with stage.load() as run:
        uid = stage.namespace.core.read_namespaced_pod(POD, stage.namespace.name).metadata.uid
        run.mark("database pod deleted")
        stage.namespace.core.delete_namespaced_pod(POD, stage.namespace.name)
        eventually(
            "another database pod",
            lambda: any(
                pod.metadata.uid != uid
                for pod in stage.namespace.core.list_namespaced_pod(
                    stage.namespace.name, field_selector=f"metadata.name={POD}"
                ).items
            ),
        )
        back = returned(stage)
        run.marks.append((back, "database is back"))
        run.rest(10)
    check(stage, run, "9-deleted", "database pod deleted", back)


def test_fault_9_database_scaled_to_zero(stage: Stage) -> None:
    """B: for 30 s without a database liveness is green, readiness red, nothing is restarted; then all is served."""
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:{}/livez').status)"
    with stage.load() as run:
        run.mark("database scaled to zero")
        stage.namespace.kubectl("scale", "statefulset/demo-api-postgresql", "--replicas=0")
        began = time.monotonic()
        eventually("api is out of rotation", lambda: not any_ready(stage), 30)
        for service, port in (("web", 5000), ("api", 5001)):
            for pod in stage.release.pods(service):
                assert "200" == stage.python(pod.metadata.name, service, ask.format(port)).strip()
        assert 200 == stage.get("web", "/readyz").status
        refused = stage.get("web", "/users")
        assert 503 == refused.status
        assert refused.headers["Retry-After"].isdigit()
        run.rest(max(0, AWAY_FOR - (time.monotonic() - began)))
        run.mark("scaled up")
        stage.namespace.kubectl("scale", "statefulset/demo-api-postgresql", "--replicas=1")
        back = returned(stage)
        run.marks.append((back, "database is back"))
        run.rest(10)
    check(stage, run, "9-zero", "database scaled to zero for 30 s", back)


def any_ready(stage: Stage) -> bool:
    """Whether any pod of api is in rotation."""
    return any(
        condition.status == "True"
        for pod in stage.release.pods(SERVICES[1])
        for condition in pod.status.conditions
        if condition.type == "Ready"
    )
