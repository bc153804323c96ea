"""The users API, as the contract's table says it."""

import json
import re
import threading
from datetime import datetime
from typing import Any

import pytest

from tests.contract.conftest import TOKEN, Api, new_email, problem

RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_create(api: Api) -> None:
    """201, the address in Location, and the user as it was given."""
    email = new_email()
    response = api.request("POST", "/users", json={"name": "Ada Lovelace", "email": email})
    user = response.json()
    assert response.status == 201
    assert response.headers["Location"] == f"/users/{user['id']}"
    assert list(user) == ["id", "name", "email", "created_at", "updated_at"]
    assert (user["name"], user["email"]) == ("Ada Lovelace", email)
    assert all(RFC_3339_UTC.fullmatch(user[time]) for time in ("created_at", "updated_at"))
    assert api.request("DELETE", response.headers["Location"]).status == 204


def test_read(api: Api, user: dict[str, Any]) -> None:
    """The same document as at creation, with an entity tag; 304 to one that is still current."""
    response = api.request("GET", f"/users/{user['id']}")
    assert (response.status, response.json()) == (200, user)
    etag = response.headers["ETag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        unchanged = api.request("GET", f"/users/{user['id']}", headers={"If-None-Match": condition})
        assert (unchanged.status, unchanged.data, unchanged.headers["ETag"]) == (304, b"", etag)
    changed = api.request("GET", f"/users/{user['id']}", headers={"If-None-Match": '"other"'})
    assert changed.status == 200


def test_change(api: Api, user: dict[str, Any]) -> None:
    """Only what is given changes; updated_at moves, created_at does not, and the entity tag is another."""
    path = f"/users/{user['id']}"
    before = api.request("GET", path).headers["ETag"]
    response = api.request("PATCH", path, json={"name": "Augusta Ada King"})
    changed = response.json()
    assert response.status == 200
    assert changed == {**user, "name": "Augusta Ada King", "updated_at": changed["updated_at"]}
    assert datetime.fromisoformat(changed["updated_at"]) > datetime.fromisoformat(user["updated_at"])
    assert before != response.headers["ETag"]
    assert api.request("GET", path).headers["ETag"] == response.headers["ETag"]


def test_change_nothing(api: Api, user: dict[str, Any]) -> None:
    """An empty change is no change, not even of the entity tag."""
    response = api.request("PATCH", f"/users/{user['id']}", json={})
    assert (response.status, response.json()) == (200, user)


def test_delete(api: Api) -> None:
    """204 once, 404 from then on. An answer without content has no length of it either (RFC 9110, 8.6)."""
    path = f"/users/{api.create()['id']}"
    response = api.request("DELETE", path)
    assert (response.status, response.data) == (204, b"")
    assert "Content-Length" not in response.headers
    for method in ("GET", "DELETE"):
        problem(api.request(method, path), 404)
    problem(api.request("PATCH", path, json={"name": "x"}), 404)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_stale_writes_are_refused(api: Api, user: dict[str, Any], method: str) -> None:
    """If-Match with an old or a weak tag: 412, and nothing changes."""
    path = f"/users/{user['id']}"
    stale = api.request("GET", path).headers["ETag"]
    current = api.request("PATCH", path, json={"name": "Changed in between"})
    body = {"json": {"name": "Too late"}} if method == "PATCH" else {}
    for condition in (stale, f"W/{current.headers['ETag']}", '"other"'):
        problem(api.request(method, path, headers={"If-Match": condition}, **body), 412)
    assert api.request("GET", path).json() == current.json()
    matching = api.request(method, path, headers={"If-Match": current.headers["ETag"]}, **body)
    assert matching.status in (200, 204)


def test_email_is_unique_whatever_its_case(api: Api, user: dict[str, Any]) -> None:
    """409 names the field, for a new user and for a change."""
    shouted = user["email"].upper()
    problem(api.request("POST", "/users", json={"name": "Other", "email": shouted}), 409, "email")
    other = api.create()
    problem(api.request("PATCH", f"/users/{other['id']}", json={"email": shouted}), 409, "email")
    own = api.request("PATCH", f"/users/{user['id']}", json={"email": shouted})
    assert own.status == 200, "a user may change the case of its own address"
    api.request("DELETE", f"/users/{other['id']}")


def test_two_creates_of_one_email_at_once(api: Api) -> None:
    """One is answered 201, the other 409, ten times over."""
    for _ in range(10):
        email, barrier = new_email(), threading.Barrier(2)
        answers: list[Any] = []

        def create(email: str = email, answers: list[Any] = answers, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            answers.append(api.request("POST", "/users", json={"name": "Twin", "email": email}))

        threads = [threading.Thread(target=create) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [201, 409]
        for answer in answers:
            if answer.status == 201:
                api.request("DELETE", answer.headers["Location"])


def _follow(api: Api, path: str) -> list[list[dict[str, Any]]]:
    """The pages from this one on, by their Link headers."""
    pages = []
    while path:
        response = api.request("GET", path)
        assert response.status == 200
        pages.append(response.json())
        link = re.fullmatch(r'<(/users\?[^>]+)>; rel="next"', response.headers.get("Link", ""))
        path = link[1] if link else ""
    return pages


def test_paging_shows_each_user_once(api: Api) -> None:
    """Oldest first; no page is empty but the only one, and the last has no link."""
    created = [api.create(name=f"Page {number}") for number in range(7)]
    pages = _follow(api, "/users?limit=3")
    seen = [user["id"] for page in pages for user in page]
    assert seen == sorted(set(seen))
    assert {user["id"] for user in created} <= set(seen)
    assert all(len(page) == 3 for page in pages[:-1])
    assert 1 <= len(pages[-1]) <= 3
    for user in created:
        api.request("DELETE", f"/users/{user['id']}")


def test_a_cursor_behind_the_end_is_an_empty_page(api: Api) -> None:
    """Also one beyond any id that a database can give."""
    for cursor in ("7" + "f" * 15, "f" * 16):
        response = api.request("GET", f"/users?after={cursor}")
        assert (response.status, response.json()) == (200, [])
        assert "Link" not in response.headers


def test_a_full_last_page_has_no_link(api: Api) -> None:
    """A link to an empty page would be a dead end."""
    users = [api.create() for _ in range(2)]
    everyone = [user for page in _follow(api, "/users?limit=1000") for user in page]
    pages = _follow(api, f"/users?limit={len(everyone)}") if len(everyone) <= 1000 else []
    assert len(pages) == 1
    for user in users:
        api.request("DELETE", f"/users/{user['id']}")


def test_the_list_agrees_with_the_single_users(api: Api, user: dict[str, Any]) -> None:
    """The list is written by other code than the single user: the documents are the same."""
    everyone = [listed for page in _follow(api, "/users?limit=1000") for listed in page]
    assert user in everyone


def test_the_list_has_an_entity_tag(api: Api, user: dict[str, Any]) -> None:
    """304 while nothing on the page changes; a change, a new user and a lost one each make another tag."""
    path = "/users?limit=1000"

    def etag() -> str:
        return str(api.request("GET", path).headers["ETag"])

    tags = [etag()]
    unchanged = api.request("GET", path, headers={"If-None-Match": tags[0]})
    assert (unchanged.status, unchanged.data, unchanged.headers["ETag"]) == (304, b"", tags[0])
    assert "Content-Length" not in unchanged.headers
    api.request("PATCH", f"/users/{user['id']}", json={"name": "Changed"})
    tags.append(etag())
    other = api.create()
    tags.append(etag())
    api.request("DELETE", f"/users/{other['id']}")
    assert etag() == tags[1], "the page is as it was before the other user came"
    assert len(set(tags)) == 3
    assert api.request("GET", path, headers={"If-None-Match": tags[0]}).status == 200


def test_head_is_get_without_content(api: Api, user: dict[str, Any]) -> None:
    """RFC 9110, 9.3.2: the same headers."""
    for path in (f"/users/{user['id']}", "/users?limit=1", "/openapi.json", "/livez"):
        head, get = api.request("HEAD", path), api.request("GET", path)
        assert (head.status, head.data) == (200, b"")
        for name in ("Content-Type", "Content-Length", "ETag"):
            assert head.headers.get(name) == get.headers.get(name)


def test_the_token_is_needed(api: Api, user: dict[str, Any]) -> None:
    """401 with WWW-Authenticate for every users address, and for no other."""
    requests = [("GET", "/users"), ("POST", "/users")] + [
        (method, f"/users/{user['id']}") for method in ("GET", "PATCH", "DELETE")
    ]
    for authorization in ("", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"):
        for method, path in requests:
            response = api.request(method, path, headers={"Authorization": authorization})
            problem(response, 401)
            assert response.headers["WWW-Authenticate"] == "Bearer"
    assert api.request("GET", f"/users/{user['id']}").status == 200
    for path in ("/openapi.json", "/docs", "/livez", "/readyz", "/version"):
        assert api.request("GET", path, headers={"Authorization": ""}).status == 200


def test_health_and_version(api: Api) -> None:
    """Whatever the Host header, without redirect."""
    for host in ("users.example.com", "10.0.0.7:5001", ""):
        headers = {"Host": host}
        assert api.request("GET", "/livez", headers=headers).json() == {"status": "ok"}
        assert api.request("GET", "/readyz", headers=headers).json() == {"status": "ok", "checks": {"database": "ok"}}
        version = api.request("GET", "/version", headers=headers).json()
        assert (version["service"], set(version)) == ("api", {"service", "version", "revision"})


def test_request_ids_and_security_headers(api: Api) -> None:
    """A good id comes back, a bad one is replaced, and no answer may be stored by a shared cache."""
    for path in ("/users", "/nothing", "/openapi.json"):
        response = api.request("GET", path, headers={"X-Request-ID": "contract-1"})
        assert response.headers["X-Request-ID"] == "contract-1"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "private, no-cache"
    assert re.fullmatch("[0-9a-f]{32}", api.request("GET", "/users").headers["X-Request-ID"])


def test_a_spent_deadline_is_refused(api: Api) -> None:
    """X-Request-Timeout: nobody works for a caller that has gone, and a short one is enough for a list."""
    refused = api.request("GET", "/users", headers={"X-Request-Timeout": "0"})
    problem(refused, 503)
    assert refused.headers["Retry-After"] == "1"
    assert api.request("GET", "/users?limit=1", headers={"X-Request-Timeout": "1500"}).status == 200


def test_the_docs_page_needs_nothing_from_outside(api: Api) -> None:
    """Readable, under a policy that would block any outside asset."""
    response = api.request("GET", "/docs")
    page = response.data.decode()
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert not re.search(r"(src|href)=\"?https?:", page)
    for text in ("GET /users", "PATCH /users/{user_id}", "If-Match", "UserIn"):
        assert text in page


def test_the_schema_names_every_operation(api: Api) -> None:
    """The table of the contract, and errors under their own media type."""
    document = json.loads(api.request("GET", "/openapi.json").data)
    operations = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert operations == {
        ("get", "/users"),
        ("post", "/users"),
        ("get", "/users/{user_id}"),
        ("patch", "/users/{user_id}"),
        ("delete", "/users/{user_id}"),
    }
    created = document["paths"]["/users"]["post"]["responses"]
    assert list(created["409"]["content"]) == ["application/problem+json"]
