"""web calls api, and both look names up: what happens when the other side misbehaves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.kube import eventually, pod
from tests.faults.stage import Stage

pytestmark = pytest.mark.thorough

WEB = ("web hello", "web list", "web hello", "web create")
WITHIN = 3.5  # seconds: API_TIMEOUT's 3, and the way there and back
FAST = 0.5  # seconds


@contextmanager
def instead_of_api(stage: Stage, mode: str, image: str) -> Iterator[None]:
    """Lead api's Service to a pod that misbehaves, and end the connections that web has to the real ones."""
    script = (Path(__file__).parent / "bad_api.py").read_text()
    name = f"bad-api-{mode}"
    labels = {"app.kubernetes.io/name": "api", "app.kubernetes.io/instance": "demo", "tandem/fault": mode}
    stage.namespace.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"bad_api.py": script}}
    )
    manifest = pod(
        name, "/tandem/.venv/bin/python", "/fault/bad_api.py", mode,
        image=image, mounts={"fault": "/fault"}, volumes=[{"name": "fault", "configMap": {"name": name}}],
    )  # fmt: skip
    manifest["metadata"]["labels"] = labels
    stage.namespace.start(manifest)
    lead(stage, {"tandem/fault": mode})
    try:
        stage.namespace.kubectl("rollout", "restart", "deployment/demo-api")
        stage.namespace.kubectl("rollout", "status", "deployment/demo-api", "--timeout=90s")
        yield
    finally:
        lead(stage, {"tandem/fault": None})
        stage.namespace.remove(name)


def lead(stage: Stage, selector: dict[str, str | None]) -> None:
    stage.namespace.core.patch_namespaced_service("demo-api", stage.namespace.name, {"spec": {"selector": selector}})


@pytest.mark.parametrize("mode", ["hang", "slow", "error", "reset"])
def test_fault_10_api_misbehaves(stage: Stage, app_images: dict[str, str], mode: str) -> None:
    """B: a clear 503 within the deadline, web's `/` and `/livez` fast all along, and recovery by itself."""
    with stage.load(mix=WEB) as run:
        begin = run.mark(f"api: {mode}")
        with instead_of_api(stage, mode, app_images["api"]):
            run.rest(10)  # the connections of before are gone
            steady = run.mark("nothing but that")
            live = []
            for _ in range(40):
                run.rest(0.25)
                answer = stage.get("web", "/livez")
                live.append(answer.status)
            ended = run.mark("api is itself again")
        eventually("the pages are served", lambda: stage.get("web", "/users").status == 200, 10)
        run.rest(8)
    hello = run.ledger.where(lambda entry: entry.operation == "hello")
    bad = run.ledger.between(steady, ended).where(lambda entry: entry.operation != "hello")
    slowest = max(entry.done - entry.sent for entry in bad.entries)
    after = max((entry.due for entry in run.ledger.failed), default=ended) - ended
    stage.report(
        f"10-{mode}", f"api: {mode}", run,
        **{"slowest 503": f"{slowest:.1f} s", "/ p99": f"{hello.latency(0.99):.3f} s", "recovery": f"{after:.1f} s"},
    )  # fmt: skip
    assert {"web 503"} == set(run.ledger.kinds)
    assert len(bad.failed) == len(bad) > 0
    assert slowest <= WITHIN
    assert [] == hello.failed
    assert hello.between(begin, ended).latency(0.99) <= FAST
    assert {200} == set(live)
    assert after <= 5


def test_fault_11_no_cluster_dns(stage: Stage) -> None:
    """B: without the cluster's DNS open connections go on; what needs a name gets a clear 503; then all recovers."""
    dns = ["--namespace", "kube-system", "scale", "deployment/coredns"]
    before = stage.cluster.kubectl(
        "--namespace", "kube-system", "get", "deployment/coredns", "-o", "jsonpath={.spec.replicas}"
    )
    with stage.load() as run:
        run.mark("DNS scaled to zero")
        try:
            stage.cluster.kubectl(*dns, "--replicas=0")
            run.rest(10)
            run.mark("a pod of api deleted")  # web has to look its name up anew
            stage.namespace.core.delete_namespaced_pod(stage.release.pods("api")[0].metadata.name, stage.namespace.name)
            run.rest(20)
        finally:
            stage.cluster.kubectl(*dns, f"--replicas={before}")
        stage.cluster.kubectl("--namespace", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=60s")
        back = run.mark("DNS is back")
        run.rest(15)
    after = max((entry.due for entry in run.ledger.failed), default=back) - back
    stage.report(11, "cluster DNS scaled to zero", run, recovery=f"{after:.1f} s")
    assert set(run.ledger.kinds) <= {"web 503", "api 503"}
    assert after <= 5
