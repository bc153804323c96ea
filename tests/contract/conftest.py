"""The contract, kept against a live api: one that the tests start, or the one at ``TANDEM_API_URL``.

These tests run on a laptop, inside the cluster (the images' `test` stage) and through a Service in mid-rollout, so they
need pytest, urllib3 and schemathesis, share the database with others, and leave nothing behind.
"""

import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

REMOTE = os.environ.get("TANDEM_API_URL")
TOKEN = os.environ.get("API_TOKEN", "").split(",")[0] or "contract-tests-" + "t" * 32


class Api:
    """Requests to one api, with its token."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = urllib3.PoolManager(
            retries=False, timeout=10, headers={"Authorization": f"Bearer {TOKEN}"}, maxsize=8
        )

    def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> urllib3.BaseHTTPResponse:
        """One request, with the token beside the given headers."""
        return self.http.request(
            method, self.url + path, headers={**self.http.headers, **(headers or {})}, redirect=False, **kwargs
        )

    def create(self, name: str = "Ada Lovelace", email: str | None = None) -> dict[str, Any]:
        """A new user, with an email address of its own."""
        response = self.request("POST", "/users", json={"name": name, "email": email or new_email()})
        assert response.status == 201, response.data
        return response.json()  # type: ignore[no-any-return]


def new_email() -> str:
    """An address that no user has."""
    return f"{uuid.uuid4().hex}@example.org"


def problem(response: urllib3.BaseHTTPResponse, status: int, *fields: str) -> dict[str, Any]:
    """Assert that an answer is a problem document (RFC 9457) of that status which names those fields; the document."""
    assert (status, "application/problem+json") == (response.status, response.headers["Content-Type"]), response.data
    document = json.loads(response.data)
    assert {"type", "title", "status", "detail"} <= set(document)
    assert (status, "about:blank") == (document["status"], document["type"])
    assert list(fields) == [error["field"] for error in document.get("errors", [])], document
    return document  # type: ignore[no-any-return]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs on SQLite and on PostgreSQL, or once against the api that was named."""
    if "contract_database" in metafunc.fixturenames:
        databases = ["remote"] if REMOTE else ["sqlite", "postgresql"]
        metafunc.parametrize("contract_database", databases, scope="session", indirect=True)


@pytest.fixture(scope="session")
def contract_database(request: pytest.FixtureRequest) -> str:
    """Which database the api has."""
    return str(request.param)


@pytest.fixture(scope="session")
def api(
    request: pytest.FixtureRequest, contract_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """The api to test; every user that is left at the end is taken away again."""
    if REMOTE:
        yield Api(REMOTE)
        return
    from tests.services import running  # not in the image, where there is nothing to start

    folder = tmp_path_factory.mktemp(f"contract-{contract_database}")
    if contract_database == "postgresql":
        url = request.getfixturevalue("postgres_server").create_migrated()
    else:
        url = request.getfixturevalue("once").sqlite(folder)
    with running("api", folder, DATABASE_URL=url, API_TOKEN=f"{TOKEN},{'second-' * 8}") as service:
        yield Api(service.url)
        log = service.output()
    assert "unhandled error" not in log, log
    for line in log.splitlines():
        json.loads(line)  # each is one JSON object
        for personal in ("@example", "Lovelace", "Hopper"):
            assert personal not in line, f"personal data in the log: {line}"
        assert TOKEN not in line


@pytest.fixture
def user(api: Api) -> Iterator[dict[str, Any]]:
    """A user of the test's own."""
    created = api.create()
    yield created
    api.request("DELETE", f"/users/{created['id']}")
