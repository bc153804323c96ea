"""One api pod on SQLite: its volume fills up, and it is killed again and again in mid-write."""

import time
from collections.abc import Iterator

import pytest
import urllib3

from tests.cluster.kube import Cluster, Namespace, eventually
from tests.cluster.release import Release
from tests.faults.nodeports import PORTS, reserved
from tests.faults.stage import FIGURES, SQLITE, Stage

pytestmark = pytest.mark.thorough

KILLS = 20
ONE_WEB = {"replicas": 1}
WRITES = ("api create", "api create", "api read", "api change", "api create", "api delete")
CHECK = "import sqlite3; print(sqlite3.connect('/data/users.db').execute('PRAGMA integrity_check').fetchone()[0])"
FILL = """
with open("/data/filler", "wb", buffering=0) as file:
    try:
        while True:
            file.write(b"x" * 4096)
    except OSError as error:
        print(error.errno)
"""


@pytest.fixture
def sqlite(
    cluster: Cluster, namespace: Namespace, app_images: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Stage]:
    """A release on SQLite behind the mapped ports, not installed yet."""
    with reserved(cluster):
        made = Stage(Release(namespace), SQLITE, replicas=1)
        yield made
        request.config.stash.setdefault(FIGURES, []).extend(made.figures)
        made.release.helm("uninstall", made.release.name)


def test_fault_12_volume_full(sqlite: Stage) -> None:
    """A full volume is a 507 problem; reads go on; once there is room writes do too, and the database is intact."""
    sqlite.install({"web": ONE_WEB, "api": {"database": {"volume": {"inMemory": True, "size": "4Mi"}}}})
    (pod,) = sqlite.release.pods("api")
    pool = urllib3.PoolManager(headers={"Authorization": f"Bearer {sqlite.release.token()}"}, retries=False, timeout=5)
    url = f"http://127.0.0.1:{PORTS['api']}/users"

    def create(number: int) -> urllib3.BaseHTTPResponse:
        return pool.request("POST", url, json={"name": f"User {number}", "email": f"user{number}@example.org"})

    kept = [create(number).json()["name"] for number in range(50)]
    assert "28" == sqlite.python(pod.metadata.name, "api", FILL).strip()  # ENOSPC
    statuses = []
    for number in range(50, 300):
        answer = create(number)
        statuses.append(answer.status)
        if answer.status == 201:  # the log of SQLite still had room
            kept.append(answer.json()["name"])
            continue
        assert "application/problem+json" == answer.headers["Content-Type"]
        if len(statuses) > 5 and {507} == set(statuses[-5:]):
            break
    assert {507} == set(statuses[-5:])
    assert set(statuses) <= {201, 507, 503}
    assert kept == [user["name"] for user in pool.request("GET", f"{url}?limit=1000").json()]
    assert 200 == sqlite.get("web", "/users").status

    sqlite.python(pod.metadata.name, "api", "import os; os.remove('/data/filler')")
    began = time.monotonic()
    eventually("writes go on", lambda: create(1000).status == 201, 10)
    took = time.monotonic() - began
    assert "ok" == sqlite.python(pod.metadata.name, "api", CHECK).strip()
    assert [*kept, "User 1000"] == [user["name"] for user in pool.request("GET", f"{url}?limit=1000").json()]
    assert 0 == sqlite.restarts()
    sqlite.figures.append(f"fault 12, volume full: 507 for writes, 200 for reads, writes again {took:.1f} s after")


def test_fault_18_killed_during_writes(sqlite: Stage) -> None:
    """Twenty times the pod is killed without notice in mid-write: nothing acknowledged is lost, the file is intact."""
    sqlite.install({"web": ONE_WEB})
    with sqlite.load(mix=WRITES, seconds=600) as run:
        for number in range(1, KILLS + 1):
            (pod,) = sqlite.release.pods("api")
            run.mark(f"kill {number}")
            sqlite.namespace.core.delete_namespaced_pod(
                pod.metadata.name, sqlite.namespace.name, grace_period_seconds=0
            )
            eventually("another pod serves", sqlite.replaced("api", pod.metadata.name), 60)
            run.rest(1.5)
    sqlite.report(18, "SQLite pod killed during writes, 20 times", run)
    assert len(run.ledger.acknowledged) > 20 * KILLS
    (pod,) = sqlite.release.pods("api")
    assert "ok" == sqlite.python(pod.metadata.name, "api", CHECK).strip()
