"""The users pages on a real api: list, add, edit, delete, and every way in which a form can fail."""

import itertools
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.services import Service
from tests.web import faults
from tests.web.browser import Seen, get, send
from tests.web.faults import ADA, FaultServer, answering
from tests.web.settings import settings
from web import create_app

_numbers = itertools.count(1)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def _email() -> str:
    return f"person{next(_numbers)}@example.org"


def _add(client: FlaskClient, name: str, email: str) -> int:
    page = send(client, "/users", get(client, "/users"), name=name, email=email)
    assert 200 == page.status
    found = re.search(r'Added: <a href="/users/(\d+)/edit">', page.text)
    assert found
    return int(found[1])


def test_hello(client: FlaskClient) -> None:
    """The greeting, exactly, and no cookie."""
    response = client.get("/")
    assert (200, b"Hello, World!") == (response.status_code, response.data)
    assert "Set-Cookie" not in response.headers


def test_list_and_paging(client: FlaskClient) -> None:
    """Twenty users a page, and a link to the next one; the last page leads back to the first."""
    _add(client, "One More", _email())
    first = get(client, "/users")
    assert 20 == first.text.count('<th scope="row">')
    following = re.search(r'href="(/users\?after=[^"]+)" rel="next"', first.text)
    assert following
    second = get(client, following[1])
    assert "One More" in second.text
    assert 'rel="next"' not in second.text
    assert 'href="/users">First page' in second.text


def test_empty_state(api_faults: FaultServer) -> None:
    """Without users the page says so."""
    api_faults.behave = answering(200, [])
    page = get(create_app(settings(API_URL=api_faults.url)).test_client(), "/users")
    assert "There are no users yet." in page.text
    assert "<table>" not in page.text


def test_add_edit_delete(client: FlaskClient) -> None:
    """What was done is said once, and the list shows it."""
    email = _email()
    user_id = _add(client, "  Grace Hopper ", email)
    edit = get(client, f"/users/{user_id}/edit")
    assert ("Grace Hopper", email) == (edit.value("name"), edit.value("email"))
    saved = send(client, f"/users/{user_id}/edit", edit, name="Grace B. Hopper", email=email)
    assert "Saved: " in saved.text
    assert "Saved: " not in get(client, "/users").text
    confirm = get(client, f"/users/{user_id}/delete")
    assert "Grace B. Hopper" in confirm.text
    assert 200 == get(client, f"/users/{user_id}/edit").status
    assert "Deleted: <bdi>Grace B. Hopper</bdi>" in send(client, f"/users/{user_id}/delete", confirm).text
    assert 404 == get(client, f"/users/{user_id}/edit").status
    assert "Already deleted." in send(client, f"/users/{user_id}/delete", confirm).text


@pytest.mark.parametrize(
    ("name", "email", "faulty"),
    [
        ("", "", {"name", "email"}),
        (" ", "ada", {"name", "email"}),
        ("x" * 201, "a@b" + "c" * 252, {"name", "email"}),
        ("a\x00b", "a@b\x00.org", {"name", "email"}),
        ("a\nb", "a b@example.org", {"name", "email"}),
        ("Ada", "ada@-.org", {"email"}),
        ("Ada", "ada@example", {"email"}),
        ("Ada", '"><script>alert(1)</script>@x', {"email"}),
    ],
)
@pytest.mark.parametrize("where", ["add", "edit"])
def test_faults_beside_fields(client: FlaskClient, where: str, name: str, email: str, faulty: set[str]) -> None:
    """Each fault stands beside its field, whoever found it, and what was typed is still there."""
    path = "/users" if where == "add" else f"/users/{_add(client, 'Somebody', _email())}/edit"
    page = send(client, path, get(client, path), name=name, email=email)
    assert 422 == page.status
    assert faulty == {field for field in ("name", "email") if page.fault(field)}
    assert page.text.count("<script") == 0
    assert email.strip() == page.value("email")


def test_taken_email(client: FlaskClient) -> None:
    """Api's 409 stands beside the email, whatever its case."""
    email = _email()
    _add(client, "First", email)
    page = send(client, "/users", get(client, "/users"), name="Second", email=email.upper())
    assert (422, "Another user has this email address.") == (page.status, page.fault("email"))


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "' OR 1=1; --", "{{ 7*7 }}", "🐍" * 200, "\u202eevil", '"&<>']
)
def test_text_stays_text(client: FlaskClient, name: str) -> None:
    """What looks like code is shown as it was typed, and never run; it comes back from the form unchanged."""
    user_id = _add(client, name, _email())
    page = get(client, f"/users/{user_id}/edit")
    assert name == page.value("name")
    assert "<script" not in page.text


def test_stale_edit(client: FlaskClient) -> None:
    """A form that is older than the user says so, shows what is stored, and replaces it only when sent again."""
    email = _email()
    path = f"/users/{_add(client, 'Original', email)}/edit"
    mine, theirs = get(client, path), get(client, path)
    send(client, path, theirs, name="Theirs", email=email)
    page = send(client, path, mine, name="Mine", email=email)
    assert 412 == page.status
    assert "Stored now: <bdi>Theirs</bdi>" in page.text
    assert "Mine" == page.value("name")
    assert "Theirs" == get(client, path).value("name")
    assert 200 == send(client, path, page, name="Mine", email=email).status
    assert "Mine" == get(client, path).value("name")


def test_stale_delete(client: FlaskClient) -> None:
    """Nothing is deleted that looks different by now."""
    email = _email()
    user_id = _add(client, "Original", email)
    confirm = get(client, f"/users/{user_id}/delete")
    send(client, f"/users/{user_id}/edit", get(client, f"/users/{user_id}/edit"), name="Changed", email=email)
    page = send(client, f"/users/{user_id}/delete", confirm)
    assert 412 == page.status
    assert "Changed" in page.text
    assert "Deleted" in send(client, f"/users/{user_id}/delete", page).text


@pytest.mark.parametrize("path", ["/users", "/users/1/edit", "/users/1/delete"])
def test_forged_form(client: FlaskClient, path: str) -> None:
    """A form without this browser's token changes nothing, and its page says why."""
    for token in ({}, {"csrf_token": "x"}, {"csrf_token": get(client, "/users").hidden["csrf_token"]}):
        stranger = client.application.test_client()
        response = stranger.post(path, data={"name": "Eve", "email": _email(), **token})
        assert 400 == response.status_code
        assert "Nothing was changed." in response.text


def test_away_keeps_what_was_typed(api_faults: FaultServer) -> None:
    """Where api is away a form comes back as it was, with 503 and Retry-After."""
    client = create_app(settings(API_URL=api_faults.url)).test_client()
    for path in ("/users", "/users/1/edit"):
        api_faults.behave = answering(200, [ADA] if path == "/users" else ADA, 'ETag: "1.1"')
        page = get(client, path)
        api_faults.behave = faults.resetting
        again = send(client, path, page, name="Typed", email="typed@example.org")
        assert (503, "Typed", "typed@example.org") == (again.status, again.value("name"), again.value("email"))
        assert "2" == again.headers["Retry-After"]
        assert page.hidden.get("etag") == again.hidden.get("etag")


def test_read_only(sample_api: Service) -> None:
    """With USERS_PAGES=read there is the list, and nothing that writes."""
    client = create_app(settings(API_URL=sample_api.url, USERS_PAGES="read")).test_client()
    page = get(client, "/users")
    assert (200, 0, 0) == (page.status, page.text.count("<form"), page.text.count("/edit"))
    assert "Set-Cookie" not in page.headers
    assert 405 == client.post("/users").status_code
    assert [404] * 4 == [
        client.open(path, method=method).status_code
        for path in ("/users/1/edit", "/users/1/delete")
        for method in ("GET", "POST")
    ]


def test_off() -> None:
    """With USERS_PAGES=off there are no users pages; the greeting stays."""
    client = create_app(settings(USERS_PAGES="off")).test_client()
    assert [200, 404, 404, 404] == [
        client.open(path, method=method).status_code
        for path, method in (("/", "GET"), ("/users", "GET"), ("/users", "POST"), ("/users/1/edit", "GET"))
    ]


def test_every_page_has_its_headers(client: FlaskClient) -> None:
    """Pages are not stored, run no script, and the style sheet may be kept for long."""
    pages: list[Seen] = [
        get(client, path) for path in ("/users", "/users/1/edit", "/users/1/delete", "/none", "/users?after=!")
    ]
    assert [200, 200, 200, 404, 400] == [page.status for page in pages]
    for page in pages:
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self';")
        assert "no-store" == page.headers["Cache-Control"]
        assert not re.search(r"<script| style=| on\w+=|https?://(?!www.w3.org)", page.text)
    asset = re.search(r'href="(/static/style.css\?v=\w+)"', pages[0].text)
    assert asset
    with client.get(asset[1]) as response:
        assert "max-age=31536000" in response.headers["Cache-Control"]
