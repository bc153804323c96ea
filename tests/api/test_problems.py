"""What the database can throw, as problems."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.db import OperationalError, connection
from django.test import Client

from api.problems import of_exception


@pytest.fixture
def full_volume(transactional_db: None) -> Iterator[None]:
    """A database that cannot grow by a page."""
    if connection.vendor != "sqlite":
        pytest.fail("this fixture is SQLite's")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        yield
        cursor.execute("PRAGMA max_page_count = 1073741823")


def test_a_full_volume_is_507(full_volume: None) -> None:
    """RFC 4918, 11.5: the server has no room for what the request needs."""
    client, statuses = Client(), []
    for number in range(200):
        body = orjson.dumps({"name": "x" * 200, "email": f"{number}@example.org"})
        response: Any = client.post("/users", body, content_type="application/json", headers={"host": "localhost"})
        statuses.append(response.status_code)
        if response.status_code != 201:
            break
    assert statuses[-1] == 507
    assert response.headers["Content-Type"] == "application/problem+json"
    listed = client.get("/users?limit=1000", headers={"host": "localhost"})
    assert len(listed.json()) == statuses.count(201)


def test_an_unknown_error_is_500_without_its_text() -> None:
    """What went wrong is for the log alone."""
    problem = of_exception(ValueError("a secret"))
    assert problem.status == 500
    assert "secret" not in problem.response().content.decode()


def test_a_lost_connection_is_503() -> None:
    """The driver's text, which can hold an address, is not passed on."""
    problem = of_exception(OperationalError("connection to server at 10.0.0.7 failed"))
    assert (problem.status, problem.headers) == (503, {"Retry-After": "1"})
    assert "10.0.0.7" not in problem.response().content.decode()
