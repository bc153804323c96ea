"""`render_chart()`: a chart as its users render it, as dicts that are already validated against Kubernetes' schemas."""

import functools
import json
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import yaml

from tools.helm_cli import helm

ROOT = Path(__file__).parents[2]
CHARTS = ROOT / "charts"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
EXAMPLES = CHARTS / "tandem" / "examples"
VERSIONS = [f"1.{minor}" for minor in range(30, 38)]
# Kinds that a cluster has only with their CRDs, which Kubernetes' own schemas know nothing of.
CUSTOM = {"HTTPRoute", "ServiceMonitor"}

Manifest = dict[str, Any]
Values = dict[str, Any]


def render_chart(
    chart: str = "tandem",
    values: Values | None = None,
    *examples: str,
    release: str = "demo",
    namespace: str = "default",
    version: str = VERSIONS[-1],
) -> list[Manifest]:
    """The objects of `helm template` with these values over these example files, each validated for that Kubernetes.

    Raises `HelmError` where Helm refuses, and kubernetes_validate's ValidationError.
    """
    text = template(chart, values, *examples, release=release, namespace=namespace, version=version)
    manifests = [manifest for manifest in yaml.load_all(text, Loader=yaml.CSafeLoader) if manifest]  # safe
    for manifest in manifests:
        validate(manifest, version)
    return manifests


def validate(manifest: Manifest, version: str) -> None:
    """Hold an object against that Kubernetes, taken strictly. Raises kubernetes_validate's ValidationError."""
    if manifest["kind"] not in CUSTOM:
        _validate(json.dumps(manifest), version)


@functools.cache  # many scenarios have the same object
def _validate(manifest: str, version: str) -> None:
    _kubernetes_validate().validate(json.loads(manifest), version, strict=True)


@functools.cache
def _kubernetes_validate() -> ModuleType:
    import kubernetes_validate  # it takes two seconds to import, which every process of a session would spend

    # Each validation would list the versions and read all the definitions of its own again, 1.5 MB of JSON.
    for name in ("all_versions", "schema_contents"):
        setattr(kubernetes_validate.utils, name, functools.cache(getattr(kubernetes_validate.utils, name)))
    return cast(ModuleType, kubernetes_validate)


def template(
    chart: str = "tandem",
    values: Values | None = None,
    *examples: str,
    release: str = "demo",
    namespace: str = "default",
    version: str = VERSIONS[-1],
    path: Path | None = None,
) -> str:
    """What `helm template` prints; `path` is a chart elsewhere."""
    files = [argument for name in examples for argument in ("--values", str(EXAMPLES / f"{name}.yaml"))]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as own:
        json.dump(values or {}, own)
        own.flush()
        return helm(
            "template", release, str(path or CHARTS / chart),
            "--namespace", namespace, "--kube-version", version, *files, "--values", own.name,
        )  # fmt: skip


# Values that turn on everything that one chart has: each value is then read by some object.
ROUTES: Values = {
    "ingress": {"enabled": True, "hosts": ["tandem.example.org"], "tlsSecret": "tls", "className": "nginx"},
    "httpRoute": {"enabled": True, "hostnames": ["*.example.org"], "parentRefs": [{"name": "public"}]},
    "serviceMonitor": {"enabled": True},
    "networkPolicy": {
        "from": [{"podSelector": {"matchLabels": {"a": "b"}}}],
        "to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    },
}
SCALED: Values = {"autoscaling": {"enabled": True}}
WEB: Values = {"api": {"url": "http://demo-api:5001", "tokenSecret": "demo-api"}, "usersPages": "read"}
POSTGRESQL: Values = {"database": {"existingSecret": "database"}}
# name → chart, values, examples: what the sweeps go through.
SCENARIOS: dict[str, tuple[str, Values, list[str]]] = {
    "nothing set": ("tandem", {}, []),
    "laptop": ("tandem", {}, ["laptop"]),
    "development PostgreSQL": ("tandem", {}, ["development-postgresql"]),
    "kind": ("tandem", {}, ["development-postgresql", "kind"]),
    "production": ("tandem", {}, ["production"]),
    "production with a gateway": ("tandem", {}, ["production", "production-gateway"]),
    "web alone": ("web", WEB, []),
    "web with everything": ("web", WEB | ROUTES | SCALED, []),
    "api alone": ("api", {}, []),
    "api in memory": ("api", {"database": {"volume": {"inMemory": True, "size": "16Mi"}}}, []),
    "api with everything": ("api", POSTGRESQL | ROUTES | SCALED, []),
    "api with secrets as values": (
        "api",
        {
            "secretKey": {"value": "s" * 40},
            "apiToken": {"value": "t" * 40},
            "database": {"url": "postgresql://u:p@h/d"},
        },
        [],
    ),
}


@functools.cache
def scenario(name: str) -> tuple[Manifest, ...]:
    """The objects of a scenario, rendered once; treat them as read-only."""
    chart, values, examples = SCENARIOS[name]
    return tuple(render_chart(chart, values, *examples))


def of_kind(manifests: tuple[Manifest, ...] | list[Manifest], *kinds: str) -> list[Manifest]:
    """The objects of those kinds."""
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def pods(manifests: tuple[Manifest, ...] | list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod that the objects would run, as (owner, pod template)."""
    for manifest in manifests:
        if manifest["kind"] == "Pod":
            yield f"Pod {manifest['metadata']['name']}", manifest
        elif "template" in manifest.get("spec", {}):
            yield f"{manifest['kind']} {manifest['metadata']['name']}", manifest["spec"]["template"]


def containers(manifests: tuple[Manifest, ...] | list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Every container, init containers too, as (place, container, its pod)."""
    for owner, pod in pods(manifests):
        for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
            yield f"{owner}: {container['name']}", container, pod


def env(container: Manifest) -> dict[str, str]:
    """The container's plain variables."""
    return {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}


def deployment(manifests: tuple[Manifest, ...] | list[Manifest], service: str) -> Manifest:
    """The Deployment of web or api."""
    (found,) = [
        each
        for each in of_kind(manifests, "Deployment")
        if each["metadata"]["labels"]["app.kubernetes.io/name"] == service
    ]
    return found
