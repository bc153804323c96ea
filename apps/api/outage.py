"""A database that is away must not take the threads: once that is known, most requests hear so at once.

Each request would wait until connecting fails (2 s where nothing answers), and kept-alive clients send on while
readiness is red. Measured without this: every thread waits, `/livez` with them, and the kubelet restarts pods that have
nothing wrong.
"""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from serving.breaker import Breaker, tell

THRESHOLD = 3  # failures in a row
REST = 1.0  # seconds until one request may try again
_REACHED = frozenset({200, 201, 204, 304, 404, 409, 412})  # answers that only the database can have given


_breaker = Breaker(threshold=THRESHOLD, rest=REST, on_change=tell("database"))


def note_failure() -> None:
    """A request met a database that is away. On SQLite that is a lock which others hold: no reason to rest."""
    if connection.vendor == "postgresql":
        _breaker.failed()


def middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer 503 without asking a database that is known to be away; every second one request finds out."""
    from api.problems import away  # which imports this module

    def handle(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/users"):
            return get_response(request)
        if not _breaker.allows():
            return away("The database does not answer at the moment.").response()
        response = get_response(request)
        if response.status_code in _REACHED:
            _breaker.succeeded()
        return response

    return handle
