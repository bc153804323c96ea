"""Hosts, sizes, cookies and keys."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from serving.settings import BODY_LIMIT
from serving.wsgi import ROUTE
from tests.services import Service
from tests.web.browser import get, send
from tests.web.settings import settings
from web import create_app


def _client(**variables: str) -> FlaskClient:
    return create_app(settings(**variables)).test_client()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "a@127.0.0.1", "localhost:x", "", "ex ample"]
)
def test_wrong_host(host: str) -> None:
    """A Host header that is not ours gets a readable page with 400, wherever it goes."""
    client = _client(ALLOWED_HOSTS="127.0.0.1,localhost")
    for path in ("/", "/users", "/none", "/static/style.css"):
        response = client.get(path, headers={"Host": host})
        assert 400 == response.status_code
        assert "<h1>" in response.text


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [("*", "any.example", 200), (".example.org", "a.example.org", 200), (".example.org", "example.org", 200),
     (".example.org", "badexample.org", 400), ("example.org", "a.example.org", 400), ("example.org", "example.org:81", 200)],  # noqa: E501
)  # fmt: skip
def test_allowed_hosts(allowed: str, host: str, status: int) -> None:
    """ALLOWED_HOSTS reads as Django's does."""
    assert status == _client(ALLOWED_HOSTS=allowed).get("/", headers={"Host": host}).status_code


def test_body_limit(sample_api: Service) -> None:
    """A body over the limit gets a page with 413, one below is read."""
    client = _client(API_URL=sample_api.url)
    assert 413 == client.post("/users", data={"name": "x" * BODY_LIMIT}).status_code
    page = get(client, "/users")
    assert 422 == send(client, "/users", page, name="x" * (BODY_LIMIT - 1000), email="a@example.org").status


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_cookie(sample_api: Service, scheme: str, secure: bool) -> None:
    """The session cookie is Secure exactly when the request came by https."""
    cookie = _client(API_URL=sample_api.url).get("/users", base_url=f"{scheme}://localhost").headers["Set-Cookie"]
    assert secure == ("; Secure" in cookie)
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie


def test_referrer_under_https(sample_api: Service) -> None:
    """Under https a form has to come from this very site."""
    client = _client(API_URL=sample_api.url)
    page = get(client, "/users", base_url="https://localhost")
    for referrer, status in ((None, 400), ("https://evil.example/", 400), ("https://localhost/users", 422)):
        response = client.post(
            "/users", data=page.hidden, base_url="https://localhost", headers={"Referer": referrer} if referrer else {}
        )
        assert status == response.status_code


def test_rotated_key(sample_api: Service) -> None:
    """A page that an old key signed can be sent as long as that key is listed, and not after."""
    old, new = "old-key-" + "o" * 32, "new-key-" + "n" * 32
    before = _client(API_URL=sample_api.url, SECRET_KEY=old)
    page = get(before, "/users")
    cookie = before.get_cookie("tandem")
    assert cookie is not None
    for keys, status in ((f"{new},{old}", 422), (new, 400)):
        after = _client(API_URL=sample_api.url, SECRET_KEY=keys)
        after.set_cookie("tandem", cookie.value)
        assert status == send(after, "/users", page, name="").status
    both = _client(API_URL=sample_api.url, SECRET_KEY=f"{new},{old}")
    only_new = _client(API_URL=sample_api.url, SECRET_KEY=new)
    page = get(both, "/users")
    cookie = both.get_cookie("tandem")
    assert cookie is not None
    only_new.set_cookie("tandem", cookie.value)
    assert 422 == send(only_new, "/users", page, name="").status


def test_route_label(sample_api: Service) -> None:
    """The matched rule is left for metrics and logs; what matches none leaves nothing."""
    client = _client(API_URL=sample_api.url)
    for path, rule in (
        ("/", "/"),
        ("/users", "/users"),
        ("/users/1/edit", "/users/<int:user_id>/edit"),
        ("/none", None),
    ):
        environ = EnvironBuilder(path).get_environ()
        list(client.application(environ, lambda *_: lambda _data: None))
        assert rule == environ.get(ROUTE)
