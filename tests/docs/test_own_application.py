"""The steps of docs/development.md for an application of one's own, taken as they stand."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from tests.services import ROOT, environment, running

STEPS = (ROOT / "docs/development.md").read_text(encoding="utf-8").partition("## Your own application")[2]
BLOCK = re.compile(r"^   ```\w+\n   (?:#|<!--) (apps/\S+)(?: -->)?\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """The folder apps/ after the first two steps for web and for api."""
    shutil.copytree(ROOT / "apps", tmp_path / "apps", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # the version
    kept = re.findall(r"^1\. In `apps/(\w+)` keep (.*?), and remove the rest\.$", STEPS, re.MULTILINE | re.DOTALL)
    assert ["web", "api"] == [service for service, _ in kept]
    for service, names in kept:
        stay = {name.rstrip("/") for name in re.findall(r"`([^`]+)`", names)}
        for path in (tmp_path / "apps" / service).iterdir():
            if path.name not in stay:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            stay.discard(path.name)
        assert set() == stay, "the steps keep what is not there"
    files = BLOCK.findall(STEPS)
    assert 5 == len(files)
    for name, text in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(re.sub("(?m)^   ", "", text), encoding="utf-8")
    return tmp_path / "apps"


def page(url: str) -> str:
    answer = urllib3.request("GET", url)
    assert 200 == answer.status
    return answer.data.decode()


def test_flask_in_place_of_web(apps: Path, tmp_path: Path) -> None:
    """Its page is served, with our health, request ids and metrics around it."""
    with running("web", tmp_path, PYTHONPATH=str(apps)) as web:
        assert "<li>buy milk</li>" in page(f"{web.url}/")
        assert web.request("GET", "/").headers["X-Request-ID"]
        assert "http_requests_total" in page(f"http://127.0.0.1:{web.metrics_port}/metrics")


def test_django_in_place_of_api(apps: Path, tmp_path: Path) -> None:
    """It migrates its own database, is ready, serves and is measured by route; no migration of it may wait."""
    database = f"sqlite:///{tmp_path}/notes.db"
    own = {"PYTHONPATH": str(apps), "DJANGO_SETTINGS_MODULE": "api.settings"}  # not the tests' settings

    def run(*command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "api", *command],
            env={**environment(database), **own},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    (words,) = re.findall(r"-m api (makemigrations \w+)`", STEPS)
    run(*words.split())
    with running("api", tmp_path, until="/livez", DATABASE_URL=database, **own) as api:
        assert 503 == api.request("GET", "/readyz").status
        run("migrate")
        assert 200 == api.request("GET", "/readyz").status
        assert "[]" == page(f"{api.url}/notes")
        deadline = time.monotonic() + 5  # a request is counted when it is over, which is after its answer
        while 'route="/notes"' not in page(f"http://127.0.0.1:{api.metrics_port}/metrics"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
