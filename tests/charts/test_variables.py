"""One list of variables: what the code reads is what the charts and Compose set and the README explains."""

import re

import pytest
import yaml

from tests.charts.rendering import POSTGRESQL, ROOT, ROUTES, WEB, containers, render_chart

# What a service's container may set that its own code does not read: settings of the platform below it.
PLATFORM = {"PYTHONUNBUFFERED", "TZ"}
# Read, and set by an image's stage and not by an installer.
IMAGE_ONLY = {"RELOAD", "REVISION"}
SECRETS = {"API_TOKEN", "SECRET_KEY", "DATABASE_URL"}


def read_by(service: str) -> set[str]:
    """The variables that a service's code asks for by name, each secret once."""
    sources = [ROOT / "apps" / "serving", ROOT / "apps" / service]
    code = "\n".join(path.read_text(encoding="utf-8") for source in sources for path in sorted(source.rglob("*.py")))
    asked = re.findall(
        r"(?:environment|self)\.(?:text|choice|integer|seconds|words|secret|secret_words)\(\s*\"(\w+)\"", code
    )
    asked += re.findall(r"os\.environ(?:\.get\(|\[)\"([A-Z_]+)\"", code)
    ours = {name.removesuffix("_FILE") for name in asked} - {"PROMETHEUS_MULTIPROC_DIR", "DJANGO_SETTINGS_MODULE"}
    assert len(ours) > 8
    return ours


@pytest.mark.parametrize("service", ["web", "api"])
def test_the_chart_sets_what_the_code_reads(service: str) -> None:
    """With everything in use a container has each variable of its service, and no other."""
    more = {"workers": 3, "forwardedAllowIps": ["*"], "secretKey": {"existingSecret": "mine"}}
    values = (WEB if service == "web" else POSTGRESQL) | ROUTES | more
    found = {
        entry["name"]
        for name, container, _ in containers(render_chart(service, values))
        if name.startswith("Deployment")
        for entry in container["env"]
    }
    assert read_by(service) - IMAGE_ONLY == found


@pytest.mark.parametrize("service", ["web", "api"])
def test_compose_sets_only_what_the_code_reads(service: str) -> None:
    """A variable that nothing reads would be a promise that nothing keeps."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    found = {name.removesuffix("_FILE") for name in services[service]["environment"]}
    assert found
    assert set() == found - read_by(service) - PLATFORM


def test_the_readme_explains_every_variable() -> None:
    """Each by its name, and each secret's file too."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    wanted = (read_by("web") | read_by("api")) - IMAGE_ONLY | {f"{name}_FILE" for name in SECRETS}
    assert set() == {name for name in wanted if f"`{name}`" not in text}
