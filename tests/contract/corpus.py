"""Bad input, and what the contract answers to it: data, so that other tests can send it too.

Every case is sent to the list or to one existing user; none of it may be answered 5xx, and none may change anything.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JSON = {"Content-Type": "application/json"}
TOO_LONG = 64 * 1024 + 1
# SQL, HTML and template text are names like any other: they are kept and shown as text.
HOSTILE_NAMES = (
    "Robert'); DROP TABLE users_user;--",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }} {% raise %} ${7*7} %s %d %(id)s",
    "../../etc/passwd",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🏳️‍🌈 שלום 你好",
    "é" * 200,
)


@dataclass(frozen=True)
class Case:
    """One request, and the status and fields that its answer has to have."""

    name: str
    method: str
    path: str  # {id} is an existing user's
    status: int
    fields: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    chunked: bool = False

    def __str__(self) -> str:
        return self.name


def _user(**fields: Any) -> bytes:
    return json.dumps({"name": "Grace Hopper", "email": "grace.corpus@example.org", **fields}).encode()


def _bodies() -> Iterator[tuple[str, int, tuple[str, ...], bytes]]:
    """Bodies that neither POST nor PATCH takes."""
    for name, body in {
        "cut off": b'{"name": "Grace',
        "not JSON": b"name=Grace",
        "NaN": b'{"name": NaN}',
        "invalid UTF-8": b'{"name": "\xff\xfe"}',
        "lone surrogate": b'{"name": "\\ud800"}',
        "UTF-16": '{"name": "Grace"}'.encode("utf-16"),
        "deep nesting": b"[" * 10_000,
        "two documents": _user() + _user(),
    }.items():
        yield name, 400, (), body
    for name, fields, body in (
        ("nothing", ("body",), b""),
        ("an array", ("body",), b"[]"),
        ("a string", ("body",), b'"Grace"'),
        ("null", ("body",), b"null"),
        ("a number", ("body",), b"1e999"[:1]),
        ("a number as name", ("name",), _user(name=7)),
        ("null as name", ("name",), _user(name=None)),
        ("an object as name", ("name",), _user(name={"$gt": ""})),
        ("an empty name", ("name",), _user(name="")),
        ("a blank name", ("name",), _user(name="   ")),
        ("white space around a name", ("name",), _user(name=" Grace ")),
        ("a name of 201 characters", ("name",), _user(name="x" * 201)),
        ("a name of 300 characters", ("name",), _user(name="é" * 300)),
        ("a NUL in the name", ("name",), _user(name="Gra\x00ce")),
        ("a line break in the name", ("name",), _user(name="Grace\nHopper")),
        ("an email without @", ("email",), _user(email="grace.example.org")),
        ("an email with a space", ("email",), _user(email="gra ce@example.org")),
        ("an email with a NUL", ("email",), _user(email="grace\x00@example.org")),
        ("an email with a header", ("email",), _user(email="grace@example.org\r\nBcc: all@example.org")),
        ("an email of 255 characters", ("email",), _user(email="g" * 243 + "@example.org")),
        ("an array of emails", ("email",), _user(email=["grace@example.org"])),
        ("an unknown field", ("admin",), _user(admin=True)),
        ("an id", ("id",), _user(id=1)),
        ("several faults", ("name", "email", "admin"), _user(name="", email="", admin=1)),
    ):
        yield name, 422, fields, body


def cases() -> Iterator[Case]:
    """The whole corpus."""
    for method, path in (("POST", "/users"), ("PATCH", "/users/{id}")):
        for name, status, fields, body in _bodies():
            yield Case(f"{method} {name}", method, path, status, fields, JSON, body)
        for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "*/*", ""):
            headers = {"Content-Type": media_type}
            yield Case(f"{method} as {media_type or 'nothing'}", method, path, 415, (), headers, _user())
        yield Case(f"{method} over 64 KiB", method, path, 413, (), JSON, _user(name="x" * TOO_LONG))
        yield Case(f"{method} of 1 MB", method, path, 413, (), JSON, b" " * 1_000_000)
        yield Case(f"{method} chunked of 1 MB", method, path, 413, (), JSON, b" " * 1_000_000, chunked=True)
        yield Case(f"{method} chunked and bad", method, path, 422, ("name",), JSON, _user(name=7), chunked=True)
        yield Case(f"{method} chunked and cut off", method, path, 400, (), JSON, b'{"name": "Gra', chunked=True)
    yield Case("POST without fields", "POST", "/users", 422, ("name", "email"), JSON, b"{}")

    for value in ("0", "-1", "1001", "9" * 40, "ten", "1.5", "", "1e2", "0x10", "%00", "5;DROP TABLE users_user"):
        yield Case(f"limit={value}", "GET", f"/users?limit={value.replace(' ', '%20')}", 422, ("limit",))
    for value in ("", "1", "LTE", "0" * 15, "0" * 17, "0" * 15 + "G", "0" * 15 + "%00", "%F0%9F%8F%B3", "x" * 500):
        yield Case(f"after={value[:20]}", "GET", f"/users?after={value}", 422, ("after",))

    for path in (
        "/users/abc",
        "/users/-1",
        "/users/1.0",
        "/users/%00",
        "/users/1/edit",
        "/users/",
        "/",
        "/admin",
        "//",
    ):
        yield Case(f"GET {path}", "GET", path, 404)
    for number in (0, 2**31, 2**63, 10**30):
        yield Case(f"GET user {number}", "GET", f"/users/{number}", 404)
    for method in ("PUT", "OPTIONS", "TRACE", "PROPFIND", "FOO"):
        yield Case(f"{method} a user", method, "/users/{id}", 405)
        yield Case(f"{method} the list", method, "/users", 405)
    yield Case("DELETE the list", "DELETE", "/users", 405)
    yield Case("POST a user", "POST", "/users/{id}", 405, (), JSON, _user())
    yield Case("POST the schema", "POST", "/openapi.json", 405, (), JSON, b"{}")

    for host in ("evil.example.com", "127.0.0.1.evil.example.com", "a b", "[::1", "127.0.0.1:port", "localhost@evil"):
        yield Case(f"Host: {host}", "GET", "/users", 400, (), {"Host": host})


CASES = list(cases())
