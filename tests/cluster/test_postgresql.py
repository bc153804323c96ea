"""A team's story: two replicas of each service on PostgreSQL, through upgrades, rotations, drains and load."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiException, AutoscalingV2Api

from tests.cluster.kube import Cluster, Namespace, eventually, postgres
from tests.cluster.release import CHARTS, EXAMPLES, Release, Shell, asked_all_along, ready, runbook

DEVELOPMENT = "development-postgresql"


@pytest.fixture(scope="module")
def release(shared_namespace: Namespace, app_images: dict[str, str]) -> Release:
    """The charts with their development PostgreSQL, as `make deploy` installs them; the tests here share it."""
    made = Release(shared_namespace)
    made.install(None, DEVELOPMENT)
    return made


@pytest.fixture
def shell(release: Release, tmp_path: Path) -> Shell:
    (tmp_path / "charts").symlink_to(CHARTS)
    return Shell(release.namespace, tmp_path)


def test_everything_serves(release: Release) -> None:
    """Two replicas each, on different nodes, and `helm test` agrees."""
    for service in ("web", "api"):
        assert 2 == len({pod.spec.node_name for pod in release.pods(service)}), service
    assert "http://demo-web:5000/users: 200" in release.test()


def test_upgrade_of_one_value_and_rollback(
    release: Release, app_images: dict[str, str], figure: Callable[[str], None], shell: Shell
) -> None:
    """Ready again within 10 s, none of the requests in between lost; the service whose values stay is not touched."""
    web = {pod.metadata.uid for pod in release.pods("web")}
    values = yaml.safe_load((EXAMPLES / f"{DEVELOPMENT}.yaml").read_text())
    values["api"]["log"] = {"level": "debug"}
    (shell.folder / "production.yaml").write_text(json.dumps(values))
    with asked_all_along(release.namespace, app_images["web"], "http://demo-web:5000/users"):
        began = time.monotonic()
        shell.run(runbook("Upgrade"))
        seconds = time.monotonic() - began
        figure(f"ready again after a one-value upgrade, two replicas on PostgreSQL: {seconds:.1f} s")
        assert level(release) == "debug"
        shell.run(runbook("Roll back"))
        assert level(release) == "info"
    assert seconds <= 10
    assert web == {pod.metadata.uid for pod in release.pods("web")}


def level(release: Release) -> str:
    (pod, _) = release.pods("api")
    return str(next(entry.value for entry in pod.spec.containers[0].env if entry.name == "LOG_LEVEL"))


def test_backup_of_postgresql_restored_into_a_new_release(cluster: Cluster, release: Release, shell: Shell) -> None:
    """The runbook's own lines, from one namespace into another."""
    with release.reach("api") as api:
        api.add_user("Ada")
        names = api.names()
    shell.run(runbook("Back up PostgreSQL"))
    with cluster.namespace(f"{release.namespace.name}-new") as other:
        restored = Release(other)
        restored.install({"web": {"replicas": 1}}, DEVELOPMENT)
        with restored.reach("api") as api:
            api.add_user("Lost")
        Shell(other, shell.folder).run(runbook("Restore PostgreSQL"))
        with restored.reach("api") as api:
            assert names == api.names()


@pytest.mark.parametrize(
    ("heading", "secret", "key"),
    [
        ("Rotate the API token", "demo-api", "API_TOKEN"),
        ("Rotate a secret key", "demo-web", "SECRET_KEY"),
        ("Rotate the database password", "demo-api-postgresql", "DATABASE_URL"),
    ],
)
def test_rotation_as_the_runbook_says(
    release: Release, app_images: dict[str, str], shell: Shell, heading: str, secret: str, key: str
) -> None:
    """The secret is another afterwards, no request is refused meanwhile, and the next upgrade leaves it as it is."""
    old = release.secret(secret, key)

    with asked_all_along(release.namespace, app_images["web"], "http://demo-web:5000/users"):
        shell.run(runbook(heading))
        if "database" in heading:  # two roles take turns: what was in use is out of use, and comes into use again
            shell.run(runbook(heading))

    new = release.secret(secret, key)
    assert old not in new
    before = release.pod_ids()
    release.upgrade(None, DEVELOPMENT)
    assert new == release.secret(secret, key)
    assert before == release.pod_ids()


def test_a_budget_is_honoured_by_an_eviction(release: Release) -> None:
    """Of two pods one may be evicted; the second is refused until the first is replaced."""
    first, second = release.pods("api")
    evict(release, first.metadata.name)

    with pytest.raises(ApiException) as refusal:
        evict(release, second.metadata.name)

    assert 429 == refusal.value.status
    assert "disruption budget" in str(refusal.value.body)
    eventually("a replacement", lambda: ready(release, "api") == 2)
    evict(release, second.metadata.name)
    eventually("a replacement", lambda: ready(release, "api") == 2)


def evict(release: Release, name: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    release.namespace.core.create_namespaced_pod_eviction(name, release.namespace.name, body)


def test_a_drain_leaves_a_pod_of_each_service(release: Release, app_images: dict[str, str]) -> None:
    """`kubectl drain` of a worker goes through, and the pages and api behind them answer all along."""
    node = release.pods("web")[0].spec.node_name
    cluster = release.namespace.cluster
    goes = f"app.kubernetes.io/instance={release.name},app.kubernetes.io/component in (web,api)"
    with asked_all_along(release.namespace, app_images["web"], "http://demo-web:5000/users"):
        try:
            cluster.kubectl("drain", node, f"--pod-selector={goes}", "--delete-emptydir-data", timeout=150)
            for service in ("web", "api"):
                assert node not in {pod.spec.node_name for pod in release.pods(service)}
            eventually("all pods ready elsewhere", lambda: [2, 2] == [ready(release, each) for each in ("web", "api")])
        finally:
            cluster.kubectl("uncordon", node)


def test_the_autoscaler_adds_pods_under_load(release: Release, shell: Shell, figure: Callable[[str], None]) -> None:
    """A short load on web, by the port-forward of one pod, and the HorizontalPodAutoscaler asks for more."""
    values = yaml.safe_load((EXAMPLES / f"{DEVELOPMENT}.yaml").read_text())
    scaling = {"minReplicas": 2, "maxReplicas": 4, "targetCPUUtilizationPercentage": 50}
    (shell.folder / "production.yaml").write_text(json.dumps(values | {"web": {"autoscaling": scaling}}))
    before = {pod.metadata.uid for pod in release.pods("web")}
    shell.run(runbook("Turn the autoscaler on"))
    assert before < {pod.metadata.uid for pod in release.pods("web")}
    api: Any = AutoscalingV2Api(release.namespace.cluster.client)
    stop = threading.Event()

    def wanted() -> int:
        scaler = api.read_namespaced_horizontal_pod_autoscaler("demo-web", release.namespace.name)
        return int(scaler.status.desired_replicas)

    def load() -> None:
        with release.reach("web") as web:
            while not stop.is_set():
                assert web.get("/").status == 200

    threads = [threading.Thread(target=load) for _ in range(3)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        eventually("a fourth pod is asked for", lambda: wanted() == 4, 180)
        figure(f"the autoscaler asked for another pod after {time.monotonic() - began:.0f} s of load")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    eventually("the fourth pod serves", lambda: ready(release, "web") == 4)
    release.upgrade(None, DEVELOPMENT, force=True)
    eventually("two pods again", lambda: len(release.pods("web")) == 2)


def test_production_values(cluster: Cluster, namespace: Namespace, app_images: dict[str, str], tmp_path: Path) -> None:
    """production.yaml as it stands, with a PostgreSQL and secrets of one's own made as the runbook says."""
    namespace.start(postgres("database"))
    namespace.kubectl("expose", "pod", "database", "--port", "5432")
    shell = Shell(namespace, tmp_path)
    address = "postgresql://postgres:test@database:5432/postgres"
    shell.run(f"DATABASE_URL={address}\n" + runbook("In production"))
    with monitoring(cluster):
        shutil.copy(EXAMPLES / "production.yaml", tmp_path)
        (tmp_path / "charts").symlink_to(CHARTS)
        shell.run(runbook("In production", 2))
        release = Release(namespace)

        assert [3, 3] == [len(release.pods(service)) for service in ("web", "api")]
        assert "http://demo-web:5000/users: 200" in release.test()
        with release.reach("web") as web:
            page = web.get("/users")
            assert 200 == page.status
            # The pages only show: nothing in front of them asks who is there.
            assert b"<form" not in page.data
        kinds = "ingress,horizontalpodautoscaler,poddisruptionbudget,servicemonitor"
        listed = json.loads(namespace.kubectl("get", kinds, "--output", "json"))["items"]
        found = {f"{each['kind']}/{each['metadata']['name'].removeprefix('demo-')}" for each in listed}
        assert {"Ingress/web", "ServiceMonitor/api", "PodDisruptionBudget/api", "HorizontalPodAutoscaler/web"} <= found


@contextmanager
def monitoring(cluster: Cluster) -> Iterator[None]:
    """The ServiceMonitor kind, as the Prometheus operator would bring it, for as long as the block runs."""
    manifest = str(Path(__file__).with_name("servicemonitor-crd.yaml"))
    cluster.kubectl("apply", "-f", manifest)
    try:
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", manifest)
        yield
    finally:
        cluster.kubectl("delete", "-f", manifest)
