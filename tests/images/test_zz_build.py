"""How the images are built. The last file of its folder: it fills the engine's build cache anew."""

import json
import re
import secrets
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from tests.engine import clone, docker, run
from tests.images.conftest import SERVICES, Image
from tests.services import ROOT

EDIT_LIMIT = 3.0  # seconds


@pytest.fixture(scope="module")
def checkout(images: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that tests may edit; what is in it has been built."""
    return clone(tmp_path_factory.mktemp("build") / "checkout")


def build(folder: Path, service: str, *flags: str) -> subprocess.Popen[str]:
    """Start a build as tools/images.sh starts it, under a tag of its own."""
    command = ["bash", "-c", f". offline/lib.sh; . tools/build-env.sh; exec {_build_command(service, *flags)}"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _build_command(service: str, *flags: str) -> str:
    tag = f"tandem-{service}:test-build"
    return f'docker build {" ".join(flags)} --secret id=ca,src="$CA_BUNDLE" -f Dockerfile.{service} -t {tag} .'


def layers(tag: str) -> list[str]:
    """The digests of an image's layers."""
    found: list[str] = json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", tag))
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_an_edit_rebuilds_at_once(checkout: Path, service: str) -> None:
    """A changed Python file makes the code's layer again, and nothing before it: the median of three edits."""
    first = build(checkout, service)
    output = first.communicate()[0]
    assert 0 == first.returncode, output
    file = checkout / "apps" / service / "config.py"
    took = []
    for _ in range(3):
        before = layers(f"tandem-{service}:test-build")
        file.write_text(file.read_text(encoding="utf-8") + f"\n# {secrets.token_hex()}\n", encoding="utf-8")
        began = time.monotonic()
        edited = build(checkout, service)
        output = edited.communicate()[0]
        took.append(time.monotonic() - began)
        assert 0 == edited.returncode, output
        after = layers(f"tandem-{service}:test-build")
        assert (before[:3], len(before)) == (after[:3], len(after))
        assert before[3] != after[3]
        print(f"{output}\n{service} built in {took[-1]:.1f} s after an edit")  # noqa: T201  # and which step took how long
    assert statistics.median(took) < EDIT_LIMIT


def test_tampered_hash(checkout: Path) -> None:
    """A package that is not the locked one stops the build with a sentence that names both; no image is made."""
    lock = checkout / "apps/web/requirements.txt"
    whole = lock.read_text(encoding="utf-8")
    package = re.search(r"^(flask==\S+) .*(\n +--hash=\S+.*)+", whole, re.MULTILINE)
    assert package is not None
    tampered = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", package[0])
    lock.write_text(whole.replace(package[0], tampered), encoding="utf-8")
    before = docker("image", "inspect", "--format", "{{.Id}}", "tandem-web:test-build")
    try:
        ran = run("tools/images.sh", "web", cwd=checkout)
    finally:
        lock.write_text(whole, encoding="utf-8")
    assert 1 == ran.returncode
    sentence = (
        f"images: tandem-web was not built: apps/web/requirements.txt: the hash of {package[1]} is not that of the "
        "package served, so nothing of it was installed."
    )
    assert ran.stderr.splitlines()[-1].startswith(sentence), ran.stderr
    assert before == docker("image", "inspect", "--format", "{{.Id}}", "tandem-web:test-build")


@pytest.mark.usefixtures("images")  # and with them the base images
def test_two_builds_are_the_same() -> None:
    """Twice from nothing, without any cache, both images have the same layers, bit by bit.

    Not beside the images at hand: they may be from before an update of Debian's, or of layers that the engine's cache
    held, where it packs the same files in another order now and then.
    """
    began = time.monotonic()
    first = _built_anew()
    print(f"both built without a cache in {time.monotonic() - began:.0f} s")  # noqa: T201
    assert first == _built_anew()


def _built_anew() -> dict[str, list[str]]:
    """The layers of both images, built side by side without a cache, by service."""
    builds = {service: build(ROOT, service, "--no-cache") for service in SERVICES}
    outputs = {service: process.communicate(timeout=900)[0] for service, process in builds.items()}
    assert dict.fromkeys(SERVICES, 0) == {s: process.returncode for s, process in builds.items()}, outputs
    return {service: layers(f"tandem-{service}:test-build") for service in SERVICES}
