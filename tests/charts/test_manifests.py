"""k8s/: what kustomize users apply is what Helm users install, object by object."""

import subprocess
from typing import Any

import pytest

from tests.charts.rendering import ROOT
from tools import manifests

OVERLAYS = sorted(path.name for path in manifests.OVERLAYS.iterdir() if path.is_dir())


def kustomize(kubectl: str, folder: str) -> dict[tuple[str, str], dict[str, Any]]:
    done = subprocess.run([kubectl, "kustomize", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "" == done.stderr
    return manifests.objects(done.stdout)


def test_the_committed_files_are_rendered_anew_the_same() -> None:
    """`make manifests` would change nothing, and the first line of each file names it."""
    files = {path: text for path, text in manifests.generated().items() if ROOT / "k8s" in path.parents}
    assert len(files) >= 4
    for path, text in files.items():
        assert text == path.read_text(encoding="utf-8"), f"{path}: run `make manifests`"
        assert "`make manifests`" in text.splitlines()[0]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_helm_template_with_its_values(overlay: str, kubectl: str) -> None:
    """Nothing is lost or added on the way but the namespace, and in `local` the marked development secrets."""
    folder = manifests.OVERLAYS / overlay
    built = kustomize(kubectl, str(folder))
    wanted = manifests.objects(manifests.render(manifests.BASE / "values.yaml", folder / "values.yaml"))
    assert len(wanted) > 10
    for key, manifest in wanted.items():
        assert manifest == built[key], key
    extra = {key: manifest for key, manifest in built.items() if key not in wanted}
    secrets = [("Secret", "tandem-web-secrets"), ("Secret", "tandem-api-secrets")] if overlay == "local" else []
    assert {("Namespace", "tandem"), *secrets} == extra.keys()
    assert "restricted" == extra["Namespace", "tandem"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]


def test_development_secrets_are_such_that_production_refuses(kubectl: str) -> None:
    """Each is marked, and the overlay that makes them runs as development."""
    import base64

    from serving.settings import EXAMPLE_MARKS

    built = kustomize(kubectl, "k8s/overlays/local")
    values = [
        base64.b64decode(value).decode()
        for key, manifest in built.items()
        if key[0] == "Secret"
        for value in manifest["data"].values()
    ]
    assert 3 == len(values)
    for value in values:
        assert any(mark in value for mark in EXAMPLE_MARKS)
    for service in ("web", "api"):
        container = built["Deployment", f"tandem-{service}"]["spec"]["template"]["spec"]["containers"][0]
        assert {"name": "ENVIRONMENT", "value": "development"} in container["env"]


def test_changes_are_exact() -> None:
    """The patch maker, on keys added, removed and replaced, and on lists of the same and of another length."""
    old = {"a": 1, "b": {"c/d": 1}, "same": [{"x": 1}, {"y": 2}], "longer": [1]}
    new = {"b": {"c/d": 2, "e": 3}, "same": [{"x": 1}, {"y": 3}], "longer": [1, 2]}
    assert [
        {"op": "remove", "path": "/a"},
        {"op": "replace", "path": "/b/c~1d", "value": 2},
        {"op": "add", "path": "/b/e", "value": 3},
        {"op": "replace", "path": "/same/1/y", "value": 3},
        {"op": "replace", "path": "/longer", "value": [1, 2]},
    ] == list(manifests.changes(old, new))
