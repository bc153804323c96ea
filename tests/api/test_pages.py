"""A user reads the same in the list, which is written without Django's models, as by itself."""

import sqlite3

import dj_database_url
import psycopg

from tests.services import Service

USERS = [
    ("Whole Second", "whole@example.org", "2026-01-02 03:04:05"),
    ("Seven Microseconds", "seven@example.org", "2026-01-02 03:04:05.000007"),
    ('Grace "Amazing" O\'Hopper \\ null', "quotes@example.org", "1999-12-31 23:59:59.999999"),
    ("Зоя Ивановна 🎉 <script>", "unicode@example.org", "2026-01-02 03:04:05.120000"),
]
INSERT = "INSERT INTO users_user (name, email, version, created_at, updated_at) VALUES (%s, %s, 1, %s, %s)"


def store(url: str) -> None:
    """Put them into the database as Django does."""
    rows = [(name, email, time, time) for name, email, time in USERS]
    if url.startswith("sqlite"):
        with sqlite3.connect(dj_database_url.parse(url)["NAME"]) as database:
            database.executemany(INSERT.replace("%s", "?"), rows)
        database.close()
        return
    with psycopg.connect(url, options="-c TimeZone=UTC") as connection, connection.cursor() as cursor:
        cursor.executemany(INSERT, rows)


def test_in_the_list_as_by_itself(api: Service, database_url: str) -> None:
    """Names, times with and without a fraction of a second, and what JSON has to escape."""
    store(database_url)

    listed = api.request("GET", "/users").json()

    assert USERS == [
        (user["name"], user["email"], user["created_at"].replace("T", " ").removesuffix("Z")) for user in listed
    ]
    assert listed == [api.request("GET", f"/users/{user['id']}").json() for user in listed]
    assert api.request("GET", "/users?limit=1").json() == listed[:1]
    after = api.request("GET", "/users?limit=2").headers["Link"].partition(">")[0].removeprefix("<")
    assert api.request("GET", after).json() == listed[2:]


def test_an_empty_page(api: Service, database_url: str) -> None:
    """Behind the last user there is an empty list, and no next page."""
    beyond = api.request("GET", f"/users?after={2**62:016x}")

    assert (beyond.status, beyond.json()) == (200, [])
    assert "Link" not in beyond.headers
