"""NOTES.txt: lines that work when copied, which the cluster tests do."""

import pytest

from tests.charts.rendering import CHARTS, EXAMPLES, VERSION
from tools.helm_cli import helm


def notes(chart: str, *arguments: str) -> list[str]:
    text = helm("install", "demo", str(CHARTS / chart), "--dry-run=client", "--namespace", "shop", *arguments)
    return text.partition("NOTES:\n")[2].splitlines()


def test_the_whole_says_how_to_reach_both_services() -> None:
    """A port-forward and a curl for each, the token read from its Secret, and what SQLite costs."""
    lines = notes("tandem")
    assert [
        f"Tandem {VERSION} is release demo in namespace shop.",
        "",
        "web, for a person:",
        "  kubectl --namespace shop port-forward service/demo-web 5000:5000",
        "  curl http://127.0.0.1:5000/",
        "  and the users pages in a browser: http://127.0.0.1:5000/users",
        "",
        "api, for a program:",
        "  kubectl --namespace shop port-forward service/demo-api 5001:5001",
        "  TOKEN=$(kubectl --namespace shop get secret demo-api --output jsonpath='{.data.API_TOKEN}'"
        " | base64 --decode | cut -d, -f1)",
        '  curl --header "Authorization: Bearer $TOKEN" http://127.0.0.1:5001/users',
        "",
        "The users are in SQLite on a volume, served by one pod: an upgrade costs seconds of downtime.",
        "For more replicas and none of it, give PostgreSQL: database.existingSecret (docs/operations.md).",
        "",
        "Ask both services whether they work:",
        "  helm test demo --namespace shop",
    ] == lines


@pytest.mark.parametrize("chart", ["web", "api"])
def test_each_chart_alone_has_its_notes(chart: str) -> None:
    """The same lines as in the whole."""
    arguments = ["--set", "api.url=http://a:1,api.tokenSecret=a"] if chart == "web" else []
    assert f"  kubectl --namespace shop port-forward service/demo-{chart} " in "\n".join(notes(chart, *arguments))


def test_notes_follow_the_values() -> None:
    """Production is told its host and its own Secret, not of SQLite; the development database is named as such."""
    production = "\n".join(notes("tandem", "--values", str(EXAMPLES / "production.yaml")))
    assert "Routed: web answers to tandem.example.org" in production
    assert "get secret tandem-api-secrets --output jsonpath='{.data.API_TOKEN}'" in production
    assert "SQLite" not in production
    development = "\n".join(notes("tandem", "--values", str(EXAMPLES / "development-postgresql.yaml")))
    assert "a PostgreSQL for development: one pod, no backup. Not for production." in development
