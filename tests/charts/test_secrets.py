"""What is made, what is kept, and what two renders agree on. That an upgrade changes none is shown on a cluster."""

import base64
import shutil
from typing import Any

import pytest
import yaml

from tests.charts.rendering import CHARTS, VERSION, Values, deployment, of_kind, render_chart, template

NAMED: Values = {
    "web": {"secretKey": {"existingSecret": "mine"}, "api": {"tokenSecret": "mine"}},
    "api": {"secretKey": {"existingSecret": "mine"}, "apiToken": {"existingSecret": "mine"}},
}


@pytest.mark.parametrize("examples", [[], ["production"]])
def test_two_renders_are_identical_where_every_secret_is_named(examples: list[str]) -> None:
    """GitOps compares renders: byte by byte the same, and no Secret among them."""
    values = {} if examples else NAMED
    first = template("tandem", values, *examples)
    assert first == template("tandem", values, *examples)
    assert "kind: Secret\n" not in first


def test_two_renders_differ_in_made_secrets_only() -> None:
    """A pod restarts for none of it: what is made is in the Secrets and nowhere else."""
    first, second = ({_key(each): each for each in render_chart()} for _ in range(2))
    assert first.keys() == second.keys()
    differing = {key for key in first if first[key] != second[key]}
    assert {("Secret", "demo-web"), ("Secret", "demo-api")} == differing
    for key in differing:
        assert first[key] | {"data": None} == second[key] | {"data": None}
        assert first[key]["data"].keys() == second[key]["data"].keys()


def test_each_service_gets_only_its_own() -> None:
    """Web holds no database address, and takes the token from api's Secret."""
    made = {each["metadata"]["name"]: each["data"] for each in of_kind(render_chart(), "Secret")}
    assert {"demo-web": {"SECRET_KEY"}, "demo-api": {"SECRET_KEY", "API_TOKEN"}} == {
        name: set(data) for name, data in made.items()
    }
    values = [base64.b64decode(value).decode() for data in made.values() for value in data.values()]
    # Production refuses secrets under 32 characters.
    assert [48] * 3 == [len(value) for value in values]
    assert 3 == len(set(values))


def test_a_secret_given_as_a_value_is_in_the_secret_and_restarts_its_pods() -> None:
    """The pods carry a checksum of what was given, so that another value is a reason to restart."""

    def token(value: str) -> tuple[str, Any]:
        manifests = render_chart("api", {"apiToken": {"value": value}})
        (secret,) = of_kind(manifests, "Secret")
        annotations = deployment(manifests, "api")["spec"]["template"]["metadata"]["annotations"]
        return base64.b64decode(secret["data"]["API_TOKEN"]).decode(), annotations["checksum/secret"]

    first, again, other = token("a" * 40), token("a" * 40), token("b" * 40)
    assert ("a" * 40, "b" * 40) == (first[0], other[0])
    assert first == again
    assert first[1] != other[1]


def test_made_secrets_leave_no_trace_in_the_pods() -> None:
    """No checksum over what is made: it would restart every pod at every `helm template | kubectl apply`."""
    for service in ("web", "api"):
        metadata = deployment(render_chart(), service)["spec"]["template"]["metadata"]
        assert "annotations" not in metadata


def test_the_development_database_and_api_share_one_password() -> None:
    """One random password, in the address that api reads and in the variable that PostgreSQL reads."""
    manifests = render_chart("tandem", None, "development-postgresql")
    (secret,) = [each for each in of_kind(manifests, "Secret") if each["metadata"]["name"] == "demo-api-postgresql"]
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert f"postgresql://tandem:{data['POSTGRES_PASSWORD']}@demo-api-postgresql:5432/tandem" == data["DATABASE_URL"]
    assert len(data["POSTGRES_PASSWORD"]) >= 32


def test_a_newer_chart_with_the_same_images_restarts_nothing(tmp_path: Any) -> None:
    """The chart's version is in no pod template and in no selector."""
    newer = tmp_path / "charts"
    shutil.copytree(CHARTS, newer, symlinks=True)
    for chart in ("web", "api", "tandem", "common"):
        path = newer / chart / "Chart.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace(f" {VERSION}", " 9.9.9").replace("appVersion: 9.9.9", f"appVersion: {VERSION}"),
            encoding="utf-8",
        )
    old = {_key(each): each for each in yaml.safe_load_all(template("tandem", NAMED)) if each}
    new = {_key(each): each for each in yaml.safe_load_all(template("tandem", NAMED, path=newer / "tandem")) if each}
    assert old != new
    found = [key for key in old if key[0] == "Deployment"]
    assert 2 == len(found)
    for key in found:
        assert old[key]["spec"] == new[key]["spec"]


def _key(manifest: dict[str, Any]) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]
