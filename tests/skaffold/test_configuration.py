"""skaffold.yaml names only what is there: checked without skaffold."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.rendering import render_chart
from tests.requirements import missing

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT.parent / "shared" / "schemas" / "skaffold-v4beta13.json"
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))
ARTIFACTS: list[dict[str, Any]] = CONFIG["build"]["artifacts"]
RELEASE: dict[str, Any] = CONFIG["deploy"]["helm"]["releases"][0]
PROFILES: dict[str, dict[str, Any]] = {profile["name"]: profile for profile in CONFIG["profiles"]}


def patches() -> list[dict[str, Any]]:
    return [patch for profile in CONFIG["profiles"] for patch in profile.get("patches", [])]


def values(flat: dict[str, Any]) -> dict[str, Any]:
    """Helm's dotted keys as nested values."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, last = path.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return nested


def test_the_file_keeps_skaffolds_schema() -> None:
    """Its reference as JSON Schema: https://skaffold.dev/docs/references/yaml/."""
    assert "skaffold/v4beta13" == CONFIG["apiVersion"]
    import jsonschema  # it takes two seconds to import, which every process of a session would spend

    if not SCHEMA.exists():
        missing(f"skaffold schema: {SCHEMA.name} is not at hand")
    jsonschema.validate(CONFIG, json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_every_dockerfile_and_stage_exists() -> None:
    """Of the defaults and of the profiles."""
    added = [patch["value"] for patch in patches() if patch["path"] == "/build/artifacts/-"]
    targets = {patch["value"] for patch in patches() if patch["path"].endswith("/docker/target")}
    assert {"tandem-web", "tandem-api"} == {artifact["image"] for artifact in ARTIFACTS}
    for artifact in [*ARTIFACTS, *added]:
        text = (ROOT / artifact["docker"]["dockerfile"]).read_text(encoding="utf-8")
        stages = set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))
        assert {artifact["docker"]["target"]} <= stages
        assert targets <= stages, artifact["image"]


@pytest.mark.parametrize("path", ["charts/tandem", "k8s/overlays/local/kustomization.yaml", "k8s/verify.yaml"])
def test_every_file_exists(path: str) -> None:
    """What the deployers, the renderer and verify read is named, and is there."""
    assert path.removesuffix("/kustomization.yaml") in (ROOT / "skaffold.yaml").read_text(encoding="utf-8")
    assert (ROOT / path).exists()


def test_every_patch_has_a_place() -> None:
    """A patch of a profile changes something that the file has, or adds below it."""
    assert patches()
    for patch in patches():
        *parents, last = [key.replace("~1", "/") for key in patch["path"].split("/")[1:]]
        place: Any = CONFIG
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place[key]
        if patch["op"] != "add":
            assert last in place, patch["path"]


def test_the_chart_takes_every_value_and_makes_every_forwarded_service() -> None:
    """Rendered with the values that skaffold sets; the charts' schemas refuse unknown ones."""
    templates = dict.fromkeys(RELEASE["setValueTemplates"], "some-image")
    manifests = render_chart("tandem", values(RELEASE["setValues"] | templates), release=RELEASE["name"])
    services = {each["metadata"]["name"]: each for each in manifests if each["kind"] == "Service"}
    assert CONFIG["portForward"]
    for forward in CONFIG["portForward"]:
        ports = [port["port"] for port in services[forward["resourceName"]]["spec"]["ports"]]
        assert [forward["port"]] == ports
        assert forward["port"] == forward["localPort"]
    for deployment in (each for each in manifests if each["kind"] == "Deployment"):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert "some-image:some-image" == container["image"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is False


def test_no_foreign_cluster_is_named() -> None:
    """Every command of skaffold goes to the context of `make cluster`, whichever is current."""
    assert "kind-tandem" == CONFIG["deploy"]["kubeContext"]
    assert not [profile for profile in PROFILES.values() if "kubeContext" in profile.get("deploy", {})]


def test_what_is_synced_is_code() -> None:
    """Python, templates and styles of both services are copied; locks and migrations make a new image."""
    for artifact in ARTIFACTS:
        service = artifact["image"].removeprefix("tandem-")
        found: set[str] = set()
        for rule in artifact["sync"]["manual"]:
            assert "/tandem" == rule["dest"]
            for pattern in expand(rule["src"]):
                found |= {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)}
        code = {
            str(path.relative_to(ROOT))
            for folder in (service, "serving")
            for path in (ROOT / "apps" / folder).rglob("*")
            if path.suffix in {".py", ".html", ".css"} and "migrations" not in path.parts
        }
        assert set() == code - found
        assert not [name for name in found if "migrations" in name or name.endswith(".txt")]


def expand(pattern: str) -> list[str]:
    """The patterns that braces stand for."""
    if not (braces := re.search(r"\{([^{}]*)\}", pattern)):
        return [pattern]
    choices = (pattern[: braces.start()] + choice + pattern[braces.end() :] for choice in braces[1].split(","))
    return [each for choice in choices for each in expand(choice)]
