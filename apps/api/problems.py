"""Every error is a problem document (RFC 9457): the one place where an error gets its shape."""

import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from api import outage
from serving.logs import log

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = "1"  # seconds


class Problem(Exception):  # noqa: N818  # the RFC's word
    """An error to answer with. `errors` names the fault of each field: ``{"field": …, "detail": …}``."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Iterable[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}

    def response(self) -> HttpResponse:
        """The problem document. ``type`` is about:blank, so ``title`` is the status's own phrase (RFC 9457, 4.2.1)."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = self.errors
        return HttpResponse(
            orjson.dumps(document), status=self.status, content_type=CONTENT_TYPE, headers=dict(self.headers)
        )


def of_exception(error: Exception) -> Problem:
    """The problem for an exception that no view caught: a body that stalled, the database's troubles, else a 500."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, UnreadablePostError):
        return Problem(408, "The rest of the body did not come.")
    if isinstance(error, DatabaseError | InterfaceError) and _is_full(error):
        return Problem(507, "The database has no room left; nothing was changed.")
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("database away", reason=_reason(error))
        outage.note_failure()
        return away("The database does not answer at the moment.")
    log.error("unhandled error", exc_info=error)
    return Problem(500, "Something went wrong here; it has been logged under this request's id.")


def away(detail: str) -> Problem:
    """503 with ``Retry-After``: the same request may well succeed in a moment."""
    return Problem(503, detail, headers={"Retry-After": RETRY_AFTER})


def _is_full(error: Exception) -> bool:
    """Whether the volume below the database is full: SQLite's SQLITE_FULL, PostgreSQL's class 53100."""
    cause = error.__cause__
    return getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "sqlstate", "") == "53100"


def _reason(error: Exception) -> str:
    """The kind of failure without the driver's text, which can hold addresses and values."""
    cause = error.__cause__ or error
    return getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or type(cause).__name__


def install(api: NinjaAPI) -> None:
    """Have django-ninja answer with problem documents as well."""

    def handle(_request: HttpRequest, error: Any) -> HttpResponse:
        return of_exception(error).response()

    def handle_invalid(_request: HttpRequest, error: Any) -> HttpResponse:
        errors = [{"field": _field(fault["loc"]), "detail": fault["msg"]} for fault in error.errors]
        named = ", ".join(dict.fromkeys(fault["field"] for fault in errors))
        return Problem(422, f"Not valid: {named}.", errors=errors).response()

    def handle_unauthenticated(_request: HttpRequest, _error: Any) -> HttpResponse:
        return Problem(
            401, "A valid token is needed: Authorization: Bearer TOKEN.", headers={"WWW-Authenticate": "Bearer"}
        ).response()

    def handle_unparsed(_request: HttpRequest, error: Any) -> HttpResponse:
        # django-ninja wraps whatever the parser raises.
        return of_exception(error.__cause__ if isinstance(error.__cause__, Problem) else error).response()

    api.add_exception_handler(Exception, handle)
    api.add_exception_handler(HttpError, handle_unparsed)
    api.add_exception_handler(ValidationError, handle_invalid)
    api.add_exception_handler(AuthenticationError, handle_unauthenticated)


def _field(location: tuple[str | int, ...]) -> str:
    """The name a client knows a field by, from pydantic's ``("body", "user", "email")``; ``body`` for the whole."""
    place, *names = location
    if place == "body":
        names = names[1:]  # the view's parameter
    return ".".join(str(name) for name in names) or str(place)


def not_found(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return Problem(404, "There is nothing at this address.").response()


def bad_request(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a Host that is not served here, or a request that is not well formed."""
    return Problem(400, "The request is malformed, or its Host is not served here.").response()


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for what was raised outside the views."""
    error = sys.exc_info()[1]
    return of_exception(error if isinstance(error, Exception) else Exception("unknown")).response()
