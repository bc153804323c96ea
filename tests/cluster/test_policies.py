"""What the network policies let through and what they stop, where the cluster enforces them."""

from typing import Any

import pytest

from tests.cluster.kube import Cluster, Namespace, pod
from tests.cluster.release import Release
from tests.requirements import missing

PROBE = ["/tandem/.venv/bin/python", "-m", "serving.probe"]
STRANGER = {"app": "stranger"}
VERIFY = {"app.kubernetes.io/part-of": "tandem", "app.kubernetes.io/component": "verify"}


@pytest.fixture(scope="module")
def release(shared_namespace: Namespace, app_images: dict[str, str], policies_enforced: bool) -> Release:
    """The charts with nothing set, on a cluster that enforces policies."""
    if not policies_enforced:
        missing("policy enforcement: this cluster has no engine for NetworkPolicy")
    made = Release(shared_namespace)
    made.install()
    return made


def asking(name: str, image: str, labels: dict[str, str], url: str, *arguments: str) -> dict[str, Any]:
    made = pod(name, *PROBE, url, *arguments, image=image)
    made["metadata"]["labels"] = labels
    return made


@pytest.mark.parametrize(
    ("labels", "url"),
    [
        pytest.param(STRANGER, "http://demo-web:5000/livez", id="anyone to web"),
        pytest.param(VERIFY, "http://demo-api:5001/livez", id="verify to api"),
        pytest.param(STRANGER, "http://{web}:9000/metrics", id="a scrape of web"),
        pytest.param(STRANGER, "http://{api}:9001/metrics", id="a scrape of api"),
    ],
)
def test_allowed(release: Release, app_images: dict[str, str], labels: dict[str, str], url: str) -> None:
    """The paths that the services live by."""
    addresses = {service: release.pods(service)[0].status.pod_ip for service in ("web", "api")}
    release.namespace.run(asking("allowed", app_images["web"], labels, url.format(**addresses)))
    release.namespace.remove("allowed")


@pytest.mark.parametrize(
    ("labels", "url"),
    [
        pytest.param(STRANGER, "http://demo-api:5001/livez", id="a stranger to api"),
        pytest.param({"app.kubernetes.io/component": "web"}, "http://demo-api:5001/livez", id="half of the labels"),
    ],
)
def test_denied(release: Release, app_images: dict[str, str], labels: dict[str, str], url: str) -> None:
    """A pod that does not belong to Tandem gets no connection."""
    with pytest.raises(AssertionError, match="no answer"):
        release.namespace.run(asking("denied", app_images["web"], labels, url))
    release.namespace.remove("denied")


def test_from_another_namespace(cluster: Cluster, release: Release, app_images: dict[str, str]) -> None:
    """Labels alone open nothing from elsewhere."""
    with cluster.namespace(f"{release.namespace.name}-other") as other:
        url = f"http://demo-api.{release.namespace.name}:5001/livez"
        with pytest.raises(AssertionError, match="no answer"):
            other.run(asking("outsider", app_images["web"], VERIFY, url))


def test_web_and_the_tests_still_work(release: Release) -> None:
    """Web reaches api and the names of both: `helm test` asks the users page, which asks api."""
    assert "http://demo-web:5000/users: 200" in release.test()


def test_web_calls_nothing_else(release: Release, namespace: Namespace) -> None:
    """From inside web's pod the cluster's own API is out of reach."""
    script = "import socket; socket.create_connection(('kubernetes.default', 443), 3)"
    name = release.pods("web")[0].metadata.name
    with pytest.raises(AssertionError, match="TimeoutError|timed out|ConnectionRefused"):
        release.namespace.kubectl("exec", name, "--", "python", "-c", script)
