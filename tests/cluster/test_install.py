"""A laptop's story: nothing set, everything there, and the users outlive the release."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.kube import ROOT, Cluster, Namespace, command, eventually
from tests.cluster.release import Release, Shell, forwarded, listening, runbook, runbook_blocks
from tests.services import free_port

pytestmark = pytest.mark.usefixtures("app_images")


@pytest.fixture(scope="module")
def release(shared_namespace: Namespace, app_images: dict[str, str]) -> Release:
    """The whole with no value set; the tests of SQLite share it."""
    made = Release(shared_namespace)
    made.install()
    return made


def shell_beside_the_charts(namespace: Namespace, folder: Path) -> Shell:
    for name in ("charts", "k8s"):
        (folder / name).symlink_to(ROOT / name)
    return Shell(namespace, folder)


@pytest.fixture
def shell(release: Release, tmp_path: Path) -> Shell:
    """A shell in a folder with the charts beside it, as the runbook's reader has it."""
    return shell_beside_the_charts(release.namespace, tmp_path)


def test_install_with_no_values(release: Release, shell: Shell, figure: Callable[[str], None]) -> None:
    """Within 15 s everything serves, `helm test` agrees, and the lines of the notes work when copied."""
    figure(f"helm install --wait of everything with no values: {release.took:.1f} s")
    assert release.took <= 15

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


def test_an_upgrade_without_a_change_restarts_nothing(release: Release) -> None:
    """Secrets that the chart made stay as they are, and no pod is touched."""
    before, secrets = release.pod_ids(), [release.secret("demo-web", "SECRET_KEY"), release.token()]

    release.upgrade()

    assert before == release.pod_ids()
    assert secrets == [release.secret("demo-web", "SECRET_KEY"), release.token()]


def test_a_request_is_followed_through_the_logs(release: Release, shell: Shell) -> None:
    """The runbook's line finds what both services wrote of one request, by its id."""
    with release.reach("web") as web:
        made = web.get("/users").headers["X-Request-ID"]
    wrote = shell.run(runbook("Debug").replace("$(openssl rand -hex 16)", made))
    assert {"web", "api"} == set(re.findall(r"^\[pod/[^/]+/(\w+)\]", wrote, re.MULTILINE))


def test_backup_of_sqlite_restored_into_a_new_release(cluster: Cluster, release: Release, shell: Shell) -> None:
    """The runbook's own lines, from one namespace into another, while both releases run."""
    with release.reach("api") as api:
        api.add_user("Ada")
        names = api.names()
        shell.run(runbook("Back up SQLite"))
        api.add_user("Grace")
    with cluster.namespace(f"{release.namespace.name}-new") as other:
        restored = Release(other)
        restored.install({"web": {"replicas": 1}})
        with restored.reach("api") as api:
            api.add_user("Lost")
        Shell(other, shell.folder).run(runbook("Restore SQLite"))
        with restored.reach("api") as api:
            assert names == api.names()
            api.add_user("Grace")


def test_uninstall_and_install_again_on_the_same_volume(release: Release, shell: Shell) -> None:
    """By the runbook the users and the secrets are there again, until its last line takes them away as well."""
    token = release.token()
    with release.reach("api") as api:
        api.add_user("Edsger")
        names = api.names()
    shell.run(runbook("Uninstall"))
    assert [] == release.pods("api")

    assert "http://demo-web:5000/users: 200" in shell.run(runbook("Install"))

    assert token == release.token()
    with release.reach("api") as api:
        assert names == api.names()
    shell.run(runbook("Uninstall") + runbook("Uninstall", 2))
    left = shell.run("kubectl get all,secrets,persistentvolumeclaims,networkpolicies,serviceaccounts --output name")
    assert {"serviceaccount/default"} == {line for line in left.split() if not line.startswith("pod/")}


def test_each_chart_alone(namespace: Namespace) -> None:
    """Two releases of what `make charts` packs: web is told where api is, and which Secret holds its token."""
    packed = command("tools/package.sh").split()
    api = Release(namespace, "users", "api")
    (api.chart,) = [ROOT / path for path in packed if "/api-" in path]
    api.install()
    web = Release(namespace, "pages", "web")
    (web.chart,) = [ROOT / path for path in packed if "/web-" in path]
    web.install({"api": {"url": "http://users-api:5001", "tokenSecret": "users-api"}, "replicas": 1})

    assert "http://users-api:5001/users?limit=1: 200" in api.test()
    assert "http://pages-web:5000/users: 200" in web.test()


def test_kustomize_serves(namespace: Namespace, tmp_path: Path) -> None:
    """`kubectl apply -k k8s/overlays/local`, moved into the test's namespace."""
    shell = shell_beside_the_charts(namespace, tmp_path)
    shell.run(
        "mkdir own && cd own && kustomization=kustomization.yaml"
        f" && printf 'namespace: {namespace.name}\\nresources: [../k8s/overlays/local]\\n' > $kustomization"
        " && kubectl kustomize . --load-restrictor LoadRestrictionsNone > all.yaml"
        " && kubectl apply --warnings-as-errors -f all.yaml"
        " && kubectl rollout status deployment/tandem-web deployment/tandem-api --timeout 120s"
    )
    with forwarded(namespace, "service/tandem-web", 5000) as port:
        said = shell.run(f"curl --silent --fail --retry 3 http://127.0.0.1:{port}/users")
    assert "</html>" in said


def test_helm_template_and_kubectl_apply(namespace: Namespace, tmp_path: Path) -> None:
    """Without Helm in the cluster, and the API server has no warning in its dry run; applied again nothing changes."""
    shell = shell_beside_the_charts(namespace, tmp_path)
    secret = "01234567890123456789012345678901"
    shell.run(
        f"kubectl create secret generic mine --from-literal=SECRET_KEY={secret} --from-literal=API_TOKEN={secret}"
    )
    values = {
        "web": {"secretKey": {"existingSecret": "mine"}, "api": {"tokenSecret": "mine"}},
        "api": {"secretKey": {"existingSecret": "mine"}, "apiToken": {"existingSecret": "mine"}},
    }
    (tmp_path / "production.yaml").write_text(json.dumps(values))
    lines = runbook("Without Helm in the cluster")
    shell.run(lines.partition("\n")[0].replace("apply", "apply --dry-run=server --warnings-as-errors"))

    shell.run(lines)

    with Release(namespace).reach("web") as web:
        # The nodes learn of api's endpoints a moment after the rollout's status does.
        eventually("web reaches api", lambda: web.get("/users").status == 200, 5)
    again = shell.run(lines.partition("\n")[0])
    # kubectl replaces a budget's selector at every apply, even by the same one.
    changed = [line for line in again.splitlines() if not line.endswith(" unchanged")]
    assert [] == [line for line in changed if not line.startswith("poddisruptionbudget.policy/")]


def test_the_first_lines_of_the_runbook(cluster: Cluster, namespace: Namespace, tmp_path: Path) -> None:
    """They make a namespace that admits restricted pods only, and kubectl speaks to it."""
    shell = Shell(namespace, tmp_path)
    name = f"{namespace.name}-shop"
    try:
        shell.run(runbook("Operations").replace("shop", name))
        assert name == shell.run("kubectl config view --minify --output 'jsonpath={..namespace}'")
        assert "restricted" in shell.run(f"kubectl get namespace {name} --output yaml")
    finally:
        cluster.core.delete_namespace(name)


def test_every_command_of_the_runbook_is_run() -> None:
    """Each block of commands in docs/operations.md is run by one of these tests."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    run = {(heading, int(number or 1)) for heading, number in re.findall(r'runbook\("([^"]+)"(?:, (\d))?\)', tests)}
    run |= {(heading, 1) for heading in re.findall(r'^        \("(Rotate [^"]+)",', tests, re.MULTILINE)}
    blocks = {(heading, place) for heading, found in runbook_blocks().items() for place in range(1, len(found) + 1)}
    assert blocks == run
