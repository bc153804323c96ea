"""The inner loop for real: `make dev` on a copy of the repository, in a namespace of its own."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from tests.cluster.kube import CONTEXT, command, tool
from tests.engine import copy_repository
from tests.requirements import missing, require_engine
from tests.services import ROOT

NAMESPACE = "tandem-skaffold-test"
START_LIMIT = 300.0  # seconds: two images built and put into three nodes, on a machine that does other things too
EDIT_LIMIT = 20.0  # seconds until an edit counts as lost; what it took is printed
WEB, API = "http://127.0.0.1:5000", "http://127.0.0.1:5001"
HTTP = urllib3.PoolManager(retries=False, timeout=3)
STARTED = "Watching for changes"


class Loop:
    """A `make dev` that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "dev.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["tools/dev.sh"], cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self, what: str, check: Callable[[], bool], limit: float = EDIT_LIMIT) -> float:
        """Seconds until it is so; `AssertionError` with the end of the log where it does not come."""
        began = time.monotonic()
        while not check():
            assert self.process.poll() is None, self.output()[-3000:]
            assert time.monotonic() < began + limit, f"{what}: not within {limit:g} s\n{self.output()[-3000:]}"
            time.sleep(0.02)
        return time.monotonic() - began

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def builds(self) -> int:
        return self.output().count("Starting build...")


def skaffold(folder: Path, *arguments: str) -> str:
    """What skaffold prints, with the cluster's programs on its path. Raises `AssertionError` where it fails."""
    path = ":".join([*(str(Path(tool(name)).parent) for name in ("helm", "kind", "kubectl")), os.environ["PATH"]])
    bundle = command("tools/ca-bundle.sh").strip()
    ca = {"CA_BUNDLE": bundle} if bundle != os.devnull else {}  # as tools/dev.sh has it
    done = subprocess.run(
        ["skaffold", *arguments], cwd=folder, env={**ca, **os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def kubectl(*arguments: str) -> str:
    """What kubectl prints about the cluster."""
    return command(tool("kubectl"), "--context", CONTEXT, *arguments)


def page(url: str) -> str:
    """What answers there; empty where nothing does."""
    try:
        return HTTP.request("GET", url).data.decode()
    except urllib3.exceptions.HTTPError:
        return ""


def checkout_for(namespace: str, folder: Path) -> Path:
    """A copy of the repository for another namespace; skips where there is no skaffold."""
    if shutil.which("skaffold") is None:
        missing("live skaffold loop: no skaffold on the PATH (https://skaffold.dev/docs/install)")
    require_engine()
    copy_repository(folder)
    for path in [folder / "skaffold.yaml", *(folder / "k8s").rglob("*.yaml")]:
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"(?m)namespace: tandem(?=,|$)", f"namespace: {namespace}", text), encoding="utf-8")
    path = folder / "k8s/base/namespace.yaml"
    path.write_text(path.read_text().replace("name: tandem", f"name: {namespace}"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy that the loop runs in."""
    return checkout_for(NAMESPACE, tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def loop(checkout: Path) -> Iterator[Loop]:
    """`make dev`, from when it watches until the end of the module."""
    began = Loop(checkout)
    try:
        began.wait("skaffold dev watches", lambda: STARTED in began.output() and page(WEB) != "", START_LIMIT)
        yield began
    finally:
        if began.process.poll() is None:
            os.killpg(began.process.pid, signal.SIGINT)
            began.process.wait(120)
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.mark.parametrize(
    ("file", "old", "new", "url", "expected"),
    [
        ("apps/web/hello.py", "Hello, World!", "Hello, loop!", f"{WEB}/", "Hello, loop!"),
        ("apps/api/urls.py", 'title="Tandem users API"', 'title="The loop"', f"{API}/openapi.json", "The loop"),
        ("apps/web/templates/base.html", "<html", '<html data-loop="seen"', f"{WEB}/users", 'data-loop="seen"'),
    ],
    ids=["Flask view", "Django code", "template"],
)
def test_a_saved_file_is_served_without_a_build(
    loop: Loop, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, url: str, expected: str
) -> None:
    """Saved, copied, reloaded, seen through the forwarded port."""
    builds = loop.builds()
    loop.edit(file, old, new)
    seconds = loop.wait(f"{file} is served", lambda: expected in page(url))
    assert builds == loop.builds()
    with capsys.disabled():
        print(f"\nskaffold sync, {file}: {seconds:.2f} s from save to new response")  # noqa: T201


def test_a_syntax_error_shows_and_heals(loop: Loop) -> None:
    """The log names it, and the next save serves again."""
    loop.edit("apps/web/hello.py", "def register", "def register(")
    loop.wait("the syntax error is in the log", lambda: "SyntaxError" in loop.output())
    loop.edit("apps/web/hello.py", "def register((", "def register(")
    loop.edit("apps/web/hello.py", "Hello, loop!", "Hello, again!")
    loop.wait("the next save heals it", lambda: page(f"{WEB}/") == "Hello, again!")


def test_a_changed_lock_is_rebuilt_and_rolled_out(loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    """A new image runs, without a word to skaffold."""
    rolled_out = "Deployments stabilized"
    before = loop.output().count(rolled_out)
    loop.edit("apps/web/requirements.txt", "# Made by", "# A line more.\n# Made by")
    seconds = loop.wait("rolled out", lambda: loop.output().count(rolled_out) > before, START_LIMIT)
    with capsys.disabled():
        print(f"\nskaffold, a changed lock: {seconds:.1f} s from save to rolled out")  # noqa: T201


def test_the_contract_is_verified_in_the_cluster(loop: Loop) -> None:
    """`skaffold verify`, while the loop runs."""
    images = str(loop.folder / "images.json")
    skaffold(loop.folder, "build", "--profile", "verify", "--file-output", images)
    told = skaffold(loop.folder, "verify", "--profile", "verify", "--build-artifacts", images)
    assert re.search(r"\d+ passed", told), told[-3000:]


def test_a_taken_port_is_refused(loop: Loop) -> None:
    """A second `make dev` beside the first: one sentence, no loop."""
    done = subprocess.run(["tools/dev.sh"], cwd=loop.folder, capture_output=True, text=True, check=False, timeout=30)
    assert 1 == done.returncode
    assert done.stderr.startswith("dev: port 5000 on 127.0.0.1 is taken")
    assert 1 == len(done.stderr.splitlines())


def test_ctrl_c_cleans_up(loop: Loop) -> None:
    """No pod is left, and both ports are free."""
    os.killpg(loop.process.pid, signal.SIGINT)
    loop.process.wait(120)
    assert "" == page(f"{WEB}/") == page(f"{API}/livez")
    assert "" == kubectl("--namespace", NAMESPACE, "get", "deployments", "-o", "name")


@pytest.mark.parametrize(("profile", "web", "api"), [("production", 2, 1), ("postgres", 1, 2), ("kustomize", 2, 1)])
def test_run_and_delete(tmp_path: Path, profile: str, web: int, api: int) -> None:
    """`skaffold render` has both services, `run` makes them ready, `delete` takes them away: with each profile."""
    namespace = f"{NAMESPACE}-{profile}"
    folder = checkout_for(namespace, tmp_path)
    assert 2 == skaffold(folder, "render", "--profile", profile, "--digest-source", "tag").count("kind: Deployment\n")
    kubectl("apply", "-f", str(folder / "k8s/base/namespace.yaml"))
    try:
        skaffold(folder, "run", "--profile", profile)
        replicas = "jsonpath={range .items[*]}{.metadata.name}={.status.readyReplicas} {end}"
        assert f"tandem-api={api} tandem-web={web} " == kubectl("-n", namespace, "get", "deployments", "-o", replicas)
        for service in ("tandem-web:5000", "tandem-api:5001"):
            ready = f"/api/v1/namespaces/{namespace}/services/http:{service}/proxy/readyz"
            assert '"status":"ok"' in kubectl("get", "--raw", ready)
        assert (profile == "postgres") == ("postgresql" in kubectl("-n", namespace, "get", "pods", "-o", "name"))
        skaffold(folder, "delete", "--profile", profile)
        assert "" == kubectl("-n", namespace, "get", "deployments,services", "-o", "name")
    finally:
        kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def refusal(folder: Path, **environment: str) -> str:
    """The one sentence of a `make dev` that does not start."""
    done = subprocess.run(
        ["tools/dev.sh"], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        timeout=30,
    )  # fmt: skip
    assert 1 == done.returncode, done.stdout + done.stderr
    (sentence,) = done.stderr.splitlines()
    return sentence


def test_a_foreign_context_is_refused(checkout: Path, tmp_path: Path) -> None:
    """Never a foreign cluster."""
    config = tmp_path / "config"
    config.write_text(
        "{apiVersion: v1, kind: Config, current-context: shop, contexts: [{name: shop, context: {cluster: a}}]}"
    )
    assert refusal(checkout, KUBECONFIG=str(config)).startswith("dev: the current kube context is shop")


def test_a_broken_file_is_refused(checkout: Path) -> None:
    """skaffold.yaml with a key that skaffold does not know."""
    path = checkout / "skaffold.yaml"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace("portForward:", "portForwards:"), encoding="utf-8")
    try:
        assert refusal(checkout).startswith("dev: skaffold cannot use skaffold.yaml")
    finally:
        path.write_text(whole, encoding="utf-8")
    assert ROOT != checkout
