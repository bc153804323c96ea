"""The users resource: list, create, read, change, delete."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Path, Query, Router
from ninja.security import HttpBearer

from api.codecs import JSON, dumps
from api.openapi import problem_response
from api.problems import Problem
from api.users import pages
from api.users.conditions import not_modified, require_match
from api.users.models import User
from api.users.pages import Row
from api.users.schemas import UserChange, UserIn, UserOut


class Token(HttpBearer):
    """The tokens of ``API_TOKEN``, any of which is accepted; without one, in development, everyone is let in."""

    def __init__(self) -> None:
        super().__init__()
        self._expected = [token.encode() for token in settings.API_TOKENS]

    def __call__(self, request: HttpRequest) -> Any:
        """Let everyone in where there are no tokens.

        django-ninja's own has Django make a second dictionary of all the headers, for this one.
        """
        if not self._expected:
            return "anonymous"
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        return self.authenticate(request, token) if scheme.lower() == self.openapi_scheme else None

    def authenticate(self, _request: HttpRequest, token: str) -> str | None:
        """Compare with each token in constant time, and with all of them, so that time tells nothing."""
        given = token.encode()
        found = [hmac.compare_digest(given, expected) for expected in self._expected]
        return "token" if any(found) else None


router = Router(auth=Token(), tags=["users"])


def _errors(*statuses: int) -> dict[str, Any]:
    """The errors of an operation, for the schema: its own, and those that every operation can give.

    Not as django-ninja's `response`: it would build a model for each of them at every start.
    """
    return {"responses": {status: problem_response(status) for status in sorted((400, 401, 413, 503, *statuses))}}


def _header(name: str, text: str) -> dict[str, Any]:
    """A request header, for the schema."""
    return {
        "parameters": [{"in": "header", "name": name, "description": text, "schema": {"type": "string"}}],
    }


_IF_NONE_MATCH = _header("If-None-Match", "An ETag: 304 where it is still the current one.")
_IF_MATCH = _header("If-Match", "An ETag: 412 where it is no longer the current one.")


@router.get(
    "/users",
    summary="List users, oldest first",
    response={200: list[UserOut], 304: None},
    openapi_extra=_errors(422) | _IF_NONE_MATCH,
)
def list_users(
    request: HttpRequest,
    response: HttpResponse,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[str | None, Query(pattern=pages.CURSOR, description="The cursor of a Link header.")] = None,
) -> HttpResponse:
    """A page of users. While there are more, `Link: <…>; rel="next"` leads to the next page."""
    # `response` is the one that django-ninja makes in any case; another would be made in vain.
    response.headers["Content-Type"] = JSON
    if unknown := sorted(set(request.GET) - {"limit", "after"}):  # `?limt=5` would quietly be a page of 100
        faults = [{"field": name, "detail": "there is no such parameter"} for name in unknown]
        raise Problem(422, f"Not valid: {', '.join(unknown)}.", errors=faults)
    after_id = pages.decode_cursor(after) if after is not None else 0
    if "HTTP_IF_NONE_MATCH" in request.META:
        etag = pages.current_etag(after_id, limit)
        if not_modified(request, etag):
            response.status_code = 304
            response.headers["ETag"] = etag
            return response
    page = pages.read(after_id, limit)
    response.content = page.body
    response.headers["ETag"] = page.etag
    if page.next_cursor is not None:
        response.headers["Link"] = f'</users?limit={limit}&after={page.next_cursor}>; rel="next"'
    return response


@router.post(
    "/users",
    summary="Create a user",
    response={201: UserOut},
    openapi_extra=_errors(408, 409, 415, 422, 507),
)
def create_user(request: HttpRequest, user: UserIn) -> HttpResponse:
    """The address of the new user is in `Location`."""
    with _unique_email():
        created = User.objects.create(name=user.name, email=user.email)
    return _represent(created, status=201, Location=f"/users/{created.pk}")


@router.get(
    "/users/{int:user_id}",
    summary="Read a user",
    response={200: UserOut, 304: None},
    openapi_extra=_errors(404) | _IF_NONE_MATCH,
)
def read_user(request: HttpRequest, user_id: Path[int]) -> HttpResponse:
    """A user, with its entity tag."""
    user = _find(user_id)
    if not_modified(request, _etag(user)):
        return HttpResponse(status=304, headers={"ETag": _etag(user)})
    return _represent(user)


@router.patch(
    "/users/{int:user_id}",
    summary="Change a user",
    response={200: UserOut},
    openapi_extra=_errors(404, 408, 409, 412, 415, 422, 507) | _IF_MATCH,
)
def change_user(request: HttpRequest, user_id: Path[int], change: UserChange) -> HttpResponse:
    """Change the fields that are given; the others stay as they are."""
    fields = change.model_dump(exclude_unset=True)
    while True:
        user = _find_to_write(request, user_id)
        if not fields:
            return _represent(user)
        changed = user._replace(**fields, version=user.version + 1, updated_at=timezone.now())
        with _unique_email():
            if _unchanged(user).update(**fields, version=changed.version, updated_at=changed.updated_at):
                return _represent(changed)


@router.delete(
    "/users/{int:user_id}",
    summary="Delete a user",
    response={204: None},
    openapi_extra=_errors(404, 412, 507) | _IF_MATCH,
)
def delete_user(request: HttpRequest, user_id: Path[int]) -> HttpResponse:
    """Delete a user for good."""
    while True:
        user = _find_to_write(request, user_id)
        deleted, _ = _unchanged(user).delete()
        if deleted:
            return HttpResponse(status=204)


def _find(user_id: int) -> Row:
    """The user of that id. Raises `Problem` 404."""
    user = pages.find(user_id)
    if user is None:
        raise Problem(404, "There is no such user.")
    return user


def _find_to_write(request: HttpRequest, user_id: int) -> Row:
    """The user of that id, where ``If-Match`` allows to write. Raises `Problem` 404 and 412."""
    user = _find(user_id)
    require_match(request, _etag(user))
    return user


def _unchanged(user: Row) -> QuerySet[User]:
    """The user as long as nobody writes in between: no lock is held, and who finds it changed begins anew."""
    return User.objects.filter(id=user.id, version=user.version)


@contextmanager
def _unique_email() -> Iterator[None]:
    """Turn the database's refusal of a second user with one email into `Problem` 409.

    The unique email is the only constraint that valid input can break.
    """
    try:
        yield
    except IntegrityError as error:
        fault = {"field": "email", "detail": "another user has this email address"}
        raise Problem(409, "The email address is taken.", errors=[fault]) from error


def _represent(user: User | Row, status: int = 200, **headers: str) -> HttpResponse:
    """A user as the schema describes it, with its entity tag."""
    document = {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }
    return HttpResponse(dumps(document), status=status, content_type=JSON, headers={"ETag": _etag(user), **headers})


def _etag(user: User | Row) -> str:
    """A strong entity tag (RFC 9110, 8.8.3)."""
    return f'"{user.id}.{user.version}"'
