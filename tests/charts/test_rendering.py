"""Every scenario renders to what Kubernetes 1.30 to 1.37 accept, and Helm has nothing to complain about."""

import subprocess

import pytest

from tests.charts.rendering import CHARTS, CUSTOM, ROOT, SCENARIOS, VERSION, VERSIONS, render_chart, scenario, validate
from tools import version as project
from tools.helm_cli import HelmError, helm, program


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_object_is_valid_in_every_supported_kubernetes(name: str) -> None:
    """The schemas are Kubernetes' own, taken strictly: an unknown field is a fault."""
    manifests = [manifest for manifest in scenario(name) if manifest["kind"] not in CUSTOM]
    assert len(manifests) > 5
    for version in VERSIONS:
        for manifest in manifests:
            validate(manifest, version)


def test_older_kubernetes_is_refused() -> None:
    """Native sleep before stopping needs 1.30: an older cluster gets a sentence, not a broken rollout."""
    with pytest.raises(HelmError, match=r"requires kubeVersion: >=1\.30\.0-0 which is incompatible"):
        render_chart(version="1.29")


@pytest.mark.parametrize("chart", ["web", "api", "tandem"])
def test_lint_has_no_warning(chart: str) -> None:
    """`helm lint --strict` finds nothing, and says nothing beyond that."""
    done = subprocess.run(
        [str(program()), "lint", "--strict", CHARTS / chart], capture_output=True, text=True, check=False
    )
    assert (0, "1 chart(s) linted, 0 chart(s) failed") == (done.returncode, done.stdout.splitlines()[-1])
    assert [] == [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert [] == [line for line in done.stderr.splitlines() if not line.startswith("level=INFO")]


@pytest.mark.parametrize("chart", ["web", "api", "tandem"])
def test_the_packaged_chart_renders_the_same(chart: str, tmp_path: object) -> None:
    """The archive holds the linked library and subcharts: nothing has to be fetched to install it."""
    helm("package", str(CHARTS / chart), "--destination", str(tmp_path))
    archive = f"{tmp_path}/{chart}-{VERSION}.tgz"
    values = ["--set", "api.url=http://a:1,api.tokenSecret=a"] if chart == "web" else []
    values += (
        ["--set", "secretKey.existingSecret=a"]
        if chart == "web"
        else ["--values", str(CHARTS / "tandem/examples/production.yaml")]
    )
    if chart == "api":
        values = ["--set", "secretKey.existingSecret=a,apiToken.existingSecret=a"]
    assert helm("template", "demo", str(CHARTS / chart), *values) == helm("template", "demo", archive, *values)


def test_the_version_is_that_of_the_project() -> None:
    """`make version` would change nothing: one version for the code, the images and the charts."""
    files = project.charts()
    assert 4 == len(files)
    for path, text in files.items():
        assert text == (ROOT / path).read_text(encoding="utf-8"), f"{path}: run `make version`"
        assert f"\nversion: {VERSION}\n" in text
