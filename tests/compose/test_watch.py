"""`make watch`: what is saved is served, and Ctrl-C ends it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.conftest import UP_LIMIT, Project, project_in
from tests.engine import clone, wait_for

EDIT_LIMIT = 20.0  # seconds until an edit counts as lost; what it took is printed


class Watch:
    """A `make watch` that runs on a clone of its own, which the tests edit."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.log = project.folder.with_suffix(".log")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "watch"], cwd=project.folder, env=project.environment,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def output(self) -> str:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def is_ready(self) -> bool:
        """Whether edits are seen from now on. Fails where it has ended."""
        assert self.process.poll() is None, self.output()
        return "Watch enabled" in self.output()

    def page(self, url: str) -> str:
        """Head and body of what answers there; empty where nothing does."""
        if self.project.status(url) != 200:
            return ""
        answer = self.project.request("GET", url)
        return f"{dict(answer.headers)}{answer.data.decode()}"


@pytest.fixture(scope="module")
def watch(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """It, from when both services serve and edits are seen."""
    with project_in(clone(tmp_path_factory.mktemp("watch") / "checkout")) as project:
        began = Watch(project)
        try:
            wait_for(began.is_ready, began.output, UP_LIMIT)
            wait_for(lambda: began.page(f"{project.api}/livez") and began.page(f"{project.web}/users"), began.output)
            yield began
        finally:
            if began.process.poll() is None:
                os.killpg(began.process.pid, signal.SIGINT)
                began.process.wait(60)


@pytest.mark.parametrize(
    ("file", "old", "new", "service", "path", "expected"),
    [
        ("apps/web/hello.py", "Hello, World!", "Hello, watch!", "web", "/", "Hello, watch!"),
        (
            "apps/api/openapi.py", 'content_type="application/json")', 'content_type="application/json; seen=yes")',
            "api", "/openapi.json", "seen=yes",
        ),
        ("apps/web/templates/base.html", "<html", '<html data-watch="seen"', "web", "/users", 'data-watch="seen"'),
    ],
    ids=["Flask view", "Django view", "template"],
)  # fmt: skip
def test_a_saved_file_is_served(
    watch: Watch, file: str, old: str, new: str, service: str, path: str, expected: str
) -> None:
    """Copied into the container and reloaded there, by the container that was there before."""
    before = watch.project.containers()[service]["Id"]
    saved = watch.project.folder / file
    text = saved.read_text(encoding="utf-8")
    assert old in text
    saved.write_text(text.replace(old, new), encoding="utf-8")
    url = f"{getattr(watch.project, service)}{path}"
    seconds = wait_for(lambda: expected in watch.page(url), watch.output, EDIT_LIMIT)
    assert before == watch.project.containers()[service]["Id"]
    print(f"make watch, {file}: {seconds:.2f} s from save to new response")  # noqa: T201


def test_ctrl_c_ends_it(watch: Watch) -> None:
    """At once and with a sentence, not an error; the services run on, with what was saved."""
    os.killpg(watch.process.pid, signal.SIGINT)
    assert watch.process.wait(20) in (
        0,
        -signal.SIGINT,
    )  # make gets the signal too, before or after its last command ends
    assert "compose: no longer watching; the services run on until `make down`" == watch.output().splitlines()[-1]
    assert "Hello, watch!" in watch.page(f"{watch.project.web}/")
    assert 0 == watch.project.make("down").returncode
    assert {} == watch.project.containers()
