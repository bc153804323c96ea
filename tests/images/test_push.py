"""`make push`, into a registry on this machine: what is pushed can be pulled, and the chart installs from there."""

import json
import os
import platform
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.requirements import require_engine, require_program
from tests.services import free_port
from tools.helm_cli import ROOT, helm

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of an empty registry."""
    require_engine()
    program = require_program("docker-registry", "docker-registry")
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}},
        "http": {"addr": address},
    }
    (tmp_path / "registry.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    process = subprocess.Popen(
        [program, "serve", tmp_path / "registry.yaml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield address
    finally:
        process.terminate()
        process.wait()


def push(address: str, platforms: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"REGISTRY": address, "PLATFORMS": platforms}
    return subprocess.run(["make", "push"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_push_for_this_machine(registry: str) -> None:
    """One name for each image, listing its platforms, and charts that name those images."""
    done = push(f"{registry}/team", f"linux/{MACHINE}")
    assert 0 == done.returncode, done.stderr

    for service in ("web", "api"):
        tags = f"http://{registry}/v2/team/tandem-{service}/manifests/{_version()}"
        wanted = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
        request = urllib.request.Request(tags, headers={"Accept": wanted})  # http, to this machine
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            index = json.load(answer)
        assert [MACHINE] == [manifest["platform"]["architecture"] for manifest in index["manifests"]]
    chart = f"oci://{registry}/team/charts/tandem"
    rendered = helm("template", "demo", chart, "--plain-http", "--set", f"global.imageRegistry={registry}/team")
    assert f"image: {registry}/team/tandem-web:{_version()}\n" in rendered


def test_without_a_registry_or_an_emulator() -> None:
    """One sentence that says what to give, and nothing built."""
    require_engine()
    without = push("", "linux/amd64")
    assert "push: where to? make push REGISTRY=registry.example.org/team" == without.stderr.splitlines()[0]
    strange = push("127.0.0.1:1/team", "linux/vax")
    assert strange.stderr.startswith("push: this engine cannot run linux/vax: install its emulator ")
    assert (2, 2) == (without.returncode, strange.returncode)


def _version() -> str:
    chart = yaml.safe_load((ROOT / "charts" / "tandem" / "Chart.yaml").read_text(encoding="utf-8"))
    return str(chart["version"])
