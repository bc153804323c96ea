"""What is read: one user, or a page by keyset, as fast at the end of a million rows as at their beginning.

The hot path. It fetches plain rows and writes JSON from them; the tests compare the result with the schema. The SQL
is written out because building these statements anew costs more than running them.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection

from api.codecs import dumps

MAXIMUM_ID = 2**63 - 1
_COLUMNS = "id, name, email, created_at, updated_at, version"
# Opaque to clients, so that its content can change; whatever matches is a place between two users.
CURSOR = r"^[0-9a-f]{16}$"

_Row = Sequence[Any]  # in the order of _COLUMNS


class Row(NamedTuple):
    """A user as it is stored."""

    id: int
    name: str
    email: str
    created_at: datetime
    updated_at: datetime
    version: int


class Page(NamedTuple):
    """A JSON array of users, its entity tag, and the cursor of the page behind it, if there is one."""

    body: bytes
    etag: str
    next_cursor: str | None


def encode_cursor(user_id: int) -> str:
    """The cursor of the page that begins behind this user."""
    return f"{user_id:016x}"


def decode_cursor(cursor: str) -> int:
    """The id behind which a page begins, for any text that matches `CURSOR`."""
    return min(int(cursor, 16), MAXIMUM_ID)


def read(after: int, limit: int) -> Page:
    """The page of at most `limit` users whose ids lie above `after`."""
    rows = _rows(after, limit + 1)
    etag = _etag(",".join([str(row[0]) for row in rows]), ",".join([str(row[5]) for row in rows]))
    more = len(rows) > limit
    users = [
        {"id": row[0], "name": row[1], "email": row[2], "created_at": row[3], "updated_at": row[4]}
        for row in rows[:limit]
    ]
    return Page(dumps(users), etag, encode_cursor(rows[limit - 1][0]) if more else None)


def _rows(after: int, count: int) -> list[_Row]:
    rows: list[_Row]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(_PAGE_AS_JSON, [after, count])
            rows = orjson.loads(cursor.fetchone()[0])
        else:
            cursor.execute(_PAGE, [after, count])
            rows = cursor.fetchall()
    return rows


_PAGE = f"SELECT {_COLUMNS} FROM users_user WHERE id > %s ORDER BY id LIMIT %s"  # noqa: S608  # a constant
# SQLite's driver gives the interpreter's lock away for every single row, to whichever thread of the worker waits for
# it, and each change costs CPU; as JSON the page is one row. Times are the text of RFC 3339 already.
_AS_JSON = (
    "json_array(id, name, email, replace(created_at, ' ', 'T') || 'Z', replace(updated_at, ' ', 'T') || 'Z', version)"
)
_PAGE_AS_JSON = f"SELECT json_group_array({_AS_JSON}) FROM ({_PAGE})"  # noqa: S608  # a constant


def find(user_id: int) -> Row | None:
    """The user of that id, if there is one."""
    if user_id > MAXIMUM_ID:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_ONE, [user_id])
        row = cursor.fetchone()
    return Row(*row) if row else None


_ONE = f"SELECT {_COLUMNS} FROM users_user WHERE id = %s"  # noqa: S608  # a constant


# Two lists: to join each id with its version first would cost SQLite more.
_TAGS = {
    "sqlite": "group_concat(id), group_concat(version)",
    "postgresql": "string_agg(id::text, ',' ORDER BY id), string_agg(version::text, ',' ORDER BY id)",
}


def current_etag(after: int, limit: int) -> str:
    """The entity tag that `read` would give, for a fraction of its cost: the database joins ids and versions.

    It covers the page and the row behind it, so that it also changes when the link to a next page appears or goes.
    """
    sql = f"SELECT {_TAGS[connection.vendor]} FROM (SELECT id, version FROM users_user WHERE id > %s ORDER BY id LIMIT %s) page"  # noqa: S608, E501  # constants only
    with connection.cursor() as cursor:
        cursor.execute(sql, [after, limit + 1])
        ids, versions = cursor.fetchone()
    return _etag(ids or "", versions or "")


def _etag(ids: str, versions: str) -> str:
    return f'"{hashlib.blake2b(f"{ids};{versions}".encode(), digest_size=12).hexdigest()}"'
