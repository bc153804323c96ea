"""Every value is documented, checked, and read by some template; a mistake gets one sentence that names the value."""

import functools
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.rendering import CHARTS, EXAMPLES, POSTGRESQL, ROUTES, SCALED, WEB, Values, template
from tools import chart_values
from tools.helm_cli import HelmError

SHARED_MARK = "# --- The same in every service\n"


def leaves(chart: str) -> list[chart_values.Value]:
    found = [value for top in chart_values.values(CHARTS / chart) for value in top.walk() if not value.children]
    assert len(found) > (50 if chart != "tandem" else 3)
    return found


# What a value has to stand beside to have an effect: the longest prefix of its path counts.
NAMED: Values = {"secretKey": {"existingSecret": "mine"}}
FULL: dict[str, Values] = {
    "web": WEB | ROUTES | SCALED | NAMED,
    "api": POSTGRESQL | ROUTES | SCALED | NAMED | {"apiToken": {"existingSecret": "mine"}},
}
NODE_PORT: Values = {"service": {"type": "NodePort"}}
CONTEXTS: dict[str, dict[str, Values]] = {
    "web": {"replicas": WEB, "autoscaling.enabled": WEB, "secretKey.value": WEB, "service.nodePort": WEB | NODE_PORT},
    "api": {
        "replicas": POSTGRESQL,
        "autoscaling.enabled": POSTGRESQL,
        "secretKey.value": {},
        "apiToken.value": {},
        "database.url": {},
        "database.volume": {},
        "postgresql.enabled": {},
        "postgresql": {"postgresql": {"enabled": True}},
        "service.nodePort": NODE_PORT,
    },
}
# Another value for those that the type alone does not give.
SAMPLES: dict[str, Any] = {
    "maxSurge": 2,
    "ingress.enabled": False,
    "httpRoute.enabled": False,
    "serviceMonitor.enabled": False,
    "image.digest": "sha256:" + "0" * 64,
    "image.pullPolicy": "Always",
    "postgresql.image.digest": "sha256:" + "0" * 64,
    "postgresql.image.pullPolicy": "Always",
    "imagePullSecrets": ["pull"],
    "global.imagePullSecrets": ["pull"],
    "environment": "development",
    "allowedHosts": ["other.example.org"],
    "forwardedAllowIps": ["10.0.0.1"],
    "log.level": "debug",
    "log.format": "text",
    "extraEnv": [{"name": "MORE", "value": "more"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "autoscaling.behavior": {"scaleUp": {"stabilizationWindowSeconds": 1}},
    "service.type": "LoadBalancer",
    "service.nodePort": 30123,
    "ingress.hosts": ["other.example.org"],
    "httpRoute.hostnames": ["other.example.org"],
    "httpRoute.parentRefs": [{"name": "other"}],
    "serviceMonitor.interval": "10s",
    "networkPolicy.from": [{"podSelector": {}}],
    "networkPolicy.to": [{"podSelector": {}}],
    "networkPolicy.metricsFrom": [{"podSelector": {}}],
    "networkPolicy.extraEgress": [{"ports": [{"port": 1}]}],
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [{"topologyKey": "rack", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}],
    "api.url": "https://other.example.org",
    "usersPages": "off",
    "database.url": "postgresql://user:password@host/name",
    "database.volume.size": "2Gi",
    "postgresql.size": "2Gi",
    "dnsOptions": [{"name": "use-vc"}],
} | {
    f"{prefix}resources.{key}": "333"
    for prefix in ("", "postgresql.")
    for key in ("requests.cpu", "requests.memory", "limits.memory")
}


def another(value: chart_values.Value) -> Any:
    if value.path in SAMPLES:
        return SAMPLES[value.path]
    match value.default:
        case bool():
            return not value.default
        case int():
            return value.default + 1
        case str():
            return "changed"
        case dict():
            return {"some": "thing"}
    raise AssertionError(f"{value.path} needs a sample")


def with_value(values: Values, path: str, value: Any) -> Values:
    copy: Values = json.loads(json.dumps(values))
    *parents, last = path.split(".")
    functools.reduce(lambda at, key: at.setdefault(key, {}), parents, copy)[last] = value
    return copy


def without_secrets(text: str) -> str:
    return re.sub(r"^(  [A-Z_]+:) \S+$", r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("chart", ["web", "api"])
def test_every_value_is_read(chart: str) -> None:
    """Another value in its place, and the manifests differ: no value is there for show."""

    @functools.cache
    def rendered(values: str) -> str:
        return without_secrets(template(chart, json.loads(values)))

    def is_read(value: chart_values.Value) -> bool:
        prefixes = [prefix for prefix in CONTEXTS[chart] if f"{value.path}.".startswith(f"{prefix}.")]
        base = CONTEXTS[chart][max(prefixes, key=len)] if prefixes else FULL[chart]
        return rendered(json.dumps(base)) != rendered(json.dumps(with_value(base, value.path, another(value))))

    values = leaves(chart)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        read = list(pool.map(is_read, values))
    assert [] == [value.path for value, used in zip(values, read, strict=True) if not used]


@pytest.mark.parametrize("chart", ["web", "api", "tandem"])
def test_generated_files_are_as_values_yaml_has_it(chart: str) -> None:
    """The table in README.md and values.schema.json come from values.yaml; `make manifests` writes them."""
    files = {path: text for path, text in chart_values.generated().items() if path.parent.name == chart}
    assert {"README.md", "values.schema.json"} == {path.name for path in files}
    for path, text in files.items():
        assert text == path.read_text(encoding="utf-8"), f"{path}: run `make manifests`"


@pytest.mark.parametrize("chart", ["web", "api", "tandem"])
def test_every_value_is_documented_and_in_the_schema(chart: str) -> None:
    """A row in the README for each value, and a closed schema that knows it."""
    import jsonschema  # it takes two seconds to import, which every process of a session would spend

    readme = (CHARTS / chart / "README.md").read_text(encoding="utf-8")
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    for value in leaves(chart):
        assert f"| `{value.path}` |" in readme
        assert value.path.split(".")[0] in schema["properties"]


def test_what_the_services_share_reads_the_same_in_both() -> None:
    """One meaning for one name: the values that both charts have differ in their defaults at most."""
    shared = {}
    for chart in ("web", "api"):
        text = (CHARTS / chart / "values.yaml").read_text(encoding="utf-8")
        assert SHARED_MARK in text
        first = re.search(r"^\w+", text.partition(SHARED_MARK)[2], re.MULTILINE)
        assert first
        tops = chart_values.values(CHARTS / chart)
        start = [top.path for top in tops].index(first.group())
        shared[chart] = {value.path: value.description for top in tops[start:] for value in top.walk()}
    own = {"networkPolicy.from", "networkPolicy.to"}
    assert own <= shared["web"].keys()
    assert shared["web"].keys() == shared["api"].keys()
    assert own == {path for path, text in shared["web"].items() if text != shared["api"][path]}


def test_every_example_is_in_the_readme() -> None:
    """An example that nobody is told about is not one."""
    names = [path.name for path in EXAMPLES.iterdir()]
    assert len(names) >= 5
    readme = (CHARTS / "tandem" / "README.md").read_text(encoding="utf-8")
    assert [] == [name for name in names if f"(examples/{name})" not in readme]


def test_off_means_off() -> None:
    """YAML reads a bare `off` as false; whoever writes it gets what it says."""
    for off in (False, "off"):
        assert 'name: USERS_PAGES\n              value: "off"' in template("web", WEB | {"usersPages": off})


MISTAKES = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: json.dumps(mistake["values"]))
def test_a_mistake_gets_one_sentence_that_names_the_value(mistake: Values) -> None:
    """Nothing is rendered; ours is one sentence and nothing beside it, the schema's a line with the value's path."""
    with pytest.raises(HelmError) as refusal:
        template(mistake["chart"], mistake["values"])
    if "schema" in mistake:
        assert mistake["schema"] in str(refusal.value)
    else:
        wanted = rf"Error: execution error at \(\S+\): {re.escape(mistake['says'])}"
        assert re.fullmatch(wanted, str(refusal.value)), refusal.value
