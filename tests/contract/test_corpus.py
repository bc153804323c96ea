"""The corpus of bad input, against the api."""

import http.client
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.conftest import TOKEN, Api, new_email, problem
from tests.contract.corpus import CASES, HOSTILE_NAMES, Case


def test_the_corpus_is_there() -> None:
    """A sweep over nothing proves nothing."""
    assert len(CASES) > 100
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bad_input(api: Api, user: dict[str, Any], case: Case) -> None:
    """The contract's answer, a problem document that names the field, and nothing changed."""
    before = api.request("GET", f"/users/{user['id']}")
    body: Any = iter([case.body]) if case.chunked and case.body else case.body
    response = api.request(
        case.method, case.path.format(id=user["id"]), headers=case.headers, body=body, chunked=case.chunked
    )
    problem(response, case.status, *case.fields)
    if case.status == 405:
        assert response.headers["Allow"]
    after = api.request("GET", f"/users/{user['id']}")
    assert after.json() == before.json()


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_text_is_a_name_like_any_other(api: Api, name: str) -> None:
    """Kept to the letter, in the single user, in the list, and through a change."""
    created = api.create(name=name)
    path = f"/users/{created['id']}"
    assert api.request("GET", path).json()["name"] == name
    assert api.request("PATCH", path, json={"email": new_email()}).json()["name"] == name
    listed = api.request("GET", "/users?limit=1000").json()
    assert name in [user["name"] for user in listed]
    assert api.request("DELETE", path).status == 204


def test_a_chunked_body_is_read(api: Api) -> None:
    """A body without a length is not an empty one."""
    email = new_email()
    pieces = [b'{"name": "Chunked", ', f'"email": "{email}"}}'.encode()]
    response = api.request(
        "POST", "/users", headers={"Content-Type": "application/json"}, body=iter(pieces), chunked=True
    )
    assert (response.status, response.json()["email"]) == (201, email)
    api.request("DELETE", response.headers["Location"])


GET = b"GET /users HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
AUTHORIZED = b"Authorization: Bearer %b\r\n" % TOKEN.encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NOT_HTTP = {
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no version": (b"GET /users\r\n\r\n", 400),
    "a space before the colon": (GET + b"X : y\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400),
    "length and chunked": (POST + CHUNKED + b"Content-Length: 2\r\n\r\n0\r\n\r\n", 400),
    "a bad chunk": (POST + AUTHORIZED + CHUNKED + b"\r\nzz\r\n", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "a header of 64 KiB": (GET + b"X: " + b"x" * 65536 + b"\r\n\r\n", 431),
    "an address of 64 KiB": (b"GET /" + b"x" * 65536 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_not_http_gets_a_problem_too(api: Api, name: str) -> None:
    """Even what the server refuses before the framework sees it is a problem document, and the connection ends."""
    request_bytes, status = NOT_HTTP[name]
    parts = urlsplit(api.url)
    with socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=10) as connection:
        connection.sendall(request_bytes)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert (response.status, response.headers["Content-Type"]) == (status, "application/problem+json")
        assert response.headers["Connection"] == "close"
        assert b"Traceback" not in response.read()
