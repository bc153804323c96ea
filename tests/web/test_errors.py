"""Every error is a page that a person can read."""

import pytest
from flask import Flask
from flask.testing import FlaskClient


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    app.add_url_rule("/broken", view_func=lambda: 1 // 0)  # type: ignore
    return app.test_client()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/none", 404),
        ("GET", "/users/99999/edit", 404),
        ("GET", "/users/" + "9" * 3000 + "/edit", 404),
        ("GET", "/users/0/delete", 404),
        ("GET", "/users/-1/edit", 404),
        ("GET", "/users?after=forged", 400),
        ("GET", "/users?after=%00%ff%ed%a0%80", 400),
        ("GET", "/users?after=" + "x" * 3000, 400),
        ("DELETE", "/users", 405),
        ("POST", "/", 405),
        ("GET", "/broken", 500),
    ],
)
def test_error_page(client: FlaskClient, method: str, path: str, status: int) -> None:
    """It has the status, a title, a sentence and a way back, and tells nothing of the inside."""
    response = client.open(path, method=method)
    assert status == response.status_code
    assert "text/html; charset=utf-8" == response.headers["Content-Type"]
    assert "<h1>" in response.text
    assert '<a href="/users">All users</a>' in response.text
    assert "Traceback" not in response.text
    assert "ZeroDivision" not in response.text


def test_allow(client: FlaskClient) -> None:
    """A 405 names what is allowed."""
    allowed = client.delete("/users").headers["Allow"]
    assert {"GET", "HEAD", "OPTIONS", "POST"} == set(allowed.split(", "))


def test_away(app: Flask) -> None:
    """A page that api is missing for comes with 503, Retry-After and a way to try again."""
    from web.http_client import Away

    def away() -> str:
        raise Away("timeout")

    app.add_url_rule("/away", view_func=away)
    response = app.test_client().get("/away?x=1")
    assert (503, "2") == (response.status_code, response.headers["Retry-After"])
    assert 'href="/away?x=1">Try again' in response.text
