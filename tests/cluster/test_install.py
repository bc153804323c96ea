"""A laptop's story: nothing set, everything there, and the users outlive the release."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.kube import Cluster, Namespace, eventually
from tests.cluster.release import Release, Shell, forwarded, free_port, listening, runbook

pytestmark = pytest.mark.usefixtures("app_images")


@pytest.fixture
def shell(namespace: Namespace, tmp_path: Path) -> Shell:
    """A shell in a folder with the charts beside it, as the runbook's reader has it."""
    for name in ("charts", "k8s"):
        (tmp_path / name).symlink_to(Path(__file__).parents[2] / name)
    return Shell(namespace, tmp_path)


def test_install_with_no_values(namespace: Namespace, shell: Shell, figure: Callable[[str], None]) -> None:
    """Within 15 s everything serves, `helm test` agrees, and the lines of the notes work when copied."""
    release = Release(namespace)

    seconds = release.install()
    figure(f"helm install --wait of everything with no values: {seconds:.1f} s")
    assert seconds <= 15

    assert {"web": 2, "api": 1} == {service: len(release.pods(service)) for service in ("web", "api")}
    tested = release.test()
    assert 8 == len(re.findall(r"^http://demo-(?:web|api):500[01]/\S*: (?:200|401)$", tested, re.MULTILINE)), tested
    assert "Hello, World!" == by_the_notes(release, shell, "curl http://127.0.0.1:5000/")
    assert "[]" == by_the_notes(
        release, shell, 'curl --header "Authorization: Bearer $TOKEN" http://127.0.0.1:5001/users'
    )


def by_the_notes(release: Release, shell: Shell, curl: str) -> str:
    """Run a service's port-forward as the notes have it, then the lines up to this curl; what the curl prints.

    Only the local port is another where this machine already uses it.
    """
    lines = release.notes()
    end = lines.index(curl)
    start = max(index for index in range(end) if " port-forward " in lines[index])
    forward, rest = lines[start], "\n".join(lines[start + 1 : end + 1])
    port = int(forward.rpartition(":")[2])
    if listening(port):
        local = free_port()
        forward, rest = (
            forward.replace(f" {port}:", f" {local}:"),
            rest.replace(f"127.0.0.1:{port}", f"127.0.0.1:{local}"),
        )
    else:
        local = port
    process = subprocess.Popen(["bash", "-c", f"exec {forward}"], env=shell.environment, stdout=subprocess.DEVNULL)
    try:
        eventually("the notes' port-forward", lambda: listening(local), 20)
        return shell.run(rest.replace("curl ", "curl --silent --show-error --fail "))
    finally:
        process.terminate()
        process.wait()


def test_an_upgrade_without_a_change_restarts_nothing(namespace: Namespace) -> None:
    """Secrets that the chart made stay as they are, and no pod is touched."""
    release = Release(namespace)
    release.install()
    before, secrets = release.pod_ids(), [release.secret("demo-web", "SECRET_KEY"), release.token()]

    release.upgrade()

    assert before == release.pod_ids()
    assert secrets == [release.secret("demo-web", "SECRET_KEY"), release.token()]


def test_uninstall_and_install_again_on_the_same_volume(namespace: Namespace) -> None:
    """The users and the secrets are there again, for whoever kept the token."""
    release = Release(namespace)
    release.install()
    token = release.token()
    with release.reach("api") as api:
        api.add_user("Ada")
    release.helm("uninstall", "demo", "--wait")
    assert [] == release.pods("api")

    release.install()

    assert token == release.token()
    with release.reach("api") as api:
        assert ["Ada"] == api.names()


def test_backup_of_sqlite_restored_into_a_new_release(cluster: Cluster, namespace: Namespace, shell: Shell) -> None:
    """The runbook's own lines, from one namespace into another, while both releases run."""
    release = Release(namespace)
    release.install()
    with release.reach("api") as api:
        api.add_user("Ada")
        shell.run(runbook("Back up SQLite"))
        api.add_user("Grace")
    with cluster.namespace(f"{namespace.name}-new") as other:
        Shell(other, shell.folder)
        restored = Release(other)
        restored.install()
        with restored.reach("api") as api:
            api.add_user("Lost")
        Shell(other, shell.folder).run(runbook("Restore SQLite"))
        with restored.reach("api") as api:
            assert ["Ada"] == api.names()
            assert 2 == api.add_user("Grace")


def test_each_chart_alone(namespace: Namespace) -> None:
    """The two charts as two releases: web is told where api is, and which Secret holds its token."""
    api = Release(namespace, "users", "api")
    api.install()
    web = Release(namespace, "pages", "web")
    web.install({"api": {"url": "http://users-api:5001", "tokenSecret": "users-api"}, "replicas": 1})

    assert "http://users-api:5001/users?limit=1: 200" in api.test()
    assert "http://pages-web:5000/users: 200" in web.test()


def test_kustomize_serves(namespace: Namespace, shell: Shell) -> None:
    """`kubectl apply -k k8s/overlays/local`, moved into the test's namespace."""
    shell.run(
        "mkdir own && cd own && kustomization=kustomization.yaml"
        f" && printf 'namespace: {namespace.name}\\nresources: [../k8s/overlays/local]\\n' > $kustomization"
        " && kubectl kustomize . --load-restrictor LoadRestrictionsNone > all.yaml"
        " && kubectl apply --warnings-as-errors -f all.yaml"
        " && kubectl rollout status deployment/tandem-web deployment/tandem-api --timeout 120s"
    )
    with forwarded(namespace, "service/tandem-web", 5000) as port:
        said = shell.run(f"curl --silent --fail http://127.0.0.1:{port}/users")
    assert "</html>" in said


def test_helm_template_and_kubectl_apply(namespace: Namespace, shell: Shell) -> None:
    """Without Helm in the cluster, and the API server has no warning in its dry run; applied again nothing changes."""
    secret = "01234567890123456789012345678901"
    shell.run(
        f"kubectl create secret generic mine --from-literal=SECRET_KEY={secret} --from-literal=API_TOKEN={secret}"
    )
    values = {
        "web": {"secretKey": {"existingSecret": "mine"}, "api": {"tokenSecret": "mine"}},
        "api": {"secretKey": {"existingSecret": "mine"}, "apiToken": {"existingSecret": "mine"}},
    }
    where = f"--namespace {namespace.name} --skip-tests"
    render = f"helm template demo charts/tandem {where} --set-json '{json.dumps(values)}'"
    shell.run(f"{render} | kubectl apply --dry-run=server --warnings-as-errors -f -")

    shell.run(
        f"{render} | kubectl apply -f -"
        " && kubectl rollout status deployment/demo-web deployment/demo-api --timeout 120s"
    )

    with Release(namespace).reach("web") as web:
        assert 200 == web.get("/users").status
    again = shell.run(f"{render} | kubectl apply -f -")
    # kubectl replaces a budget's selector at every apply, even by the same one.
    changed = [line for line in again.splitlines() if not line.endswith(" unchanged")]
    assert [] == [line for line in changed if not line.startswith("poddisruptionbudget.policy/")]
