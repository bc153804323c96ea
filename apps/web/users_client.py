"""The users, as api keeps them: the only module that calls api."""

import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from serving.logs import log
from web.config import WebSettings
from web.http_client import Answer, Away, Call, HttpClient, Refusal

PAGE_SIZE = 20
_NEXT = re.compile(r"<[^>]*[?&]after=([A-Za-z0-9_-]+)[^>]*>; *rel=\"?next\"?")
_TEXTS = [str] * 4  # the types of a user's fields behind the id
_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,100}"', re.ASCII)


class User(NamedTuple):
    """A user; the times are RFC 3339 in UTC, as api writes them."""

    id: int
    name: str
    email: str
    created_at: str
    updated_at: str


class Page(NamedTuple):
    """Users, oldest first, and the cursor of the page behind them, if there is one."""

    users: list[User]
    next_cursor: str | None


class NotFound(Refusal):
    """There is no such user."""


class Changed(Refusal):
    """The user is no longer what the entity tag says."""


class Invalid(Refusal):
    """What was sent cannot be stored; `faults` has a sentence for each field at fault."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(", ".join(faults))
        self.faults = faults


class UsersClient:
    """What the process keeps: the pool and its limits."""

    def __init__(self, settings: WebSettings) -> None:
        self._timeout = settings.api_timeout
        self._http = HttpClient(
            "api",
            settings.api_url,
            token=next(iter(settings.api_tokens), None),
            calls_at_once=settings.threads - 1,  # the one thread more answers `/` and `/livez`
        )

    def for_request(self) -> "Users":
        """The users for one request of a browser, whose calls to api end within one API_TIMEOUT.

        The browser's own X-Request-Timeout counts for nothing: a stranger could open the breaker with it.
        """
        return Users(self._http, time.monotonic() + self._timeout)


class Users:
    """Calls to api that share one deadline. All raise `Away` where api does not answer in time or makes no sense."""

    def __init__(self, http: HttpClient, deadline: float) -> None:
        self._http = http
        self._deadline = deadline

    def page(self, after: str | None) -> Page:
        """The page of users behind a cursor, or the first. Raises `Invalid` for a cursor that api did not make."""
        path = f"/users?limit={PAGE_SIZE}"
        if after is not None:
            path += f"&after={quote(after, safe='')}"
        return self._http.call(Call("GET", path, self._deadline), _page)

    def read(self, user_id: int) -> tuple[User, str]:
        """A user and its entity tag. Raises `NotFound`."""
        return self._http.call(Call("GET", f"/users/{user_id}", self._deadline), _tagged_user)

    def create(self, fields: Mapping[str, str]) -> User:
        """Create a user. Raises `Invalid`."""
        call = Call("POST", "/users", self._deadline, body=orjson.dumps(fields))
        return self._http.call(call, lambda answer: _user(_json(answer, 201)))

    def change(self, user_id: int, fields: Mapping[str, str], etag: str) -> User:
        """Change the user that still has this entity tag. Raises `Invalid`, `NotFound` and `Changed`."""
        call = Call("PATCH", f"/users/{user_id}", self._deadline, orjson.dumps(fields), _sendable(etag))
        return self._http.call(call, lambda answer: _user(_json(answer, 200)))

    def delete(self, user_id: int, etag: str) -> None:
        """Delete the user that still has this entity tag. Raises `NotFound` and `Changed`."""
        call = Call("DELETE", f"/users/{user_id}", self._deadline, if_match=_sendable(etag))
        self._http.call(call, lambda answer: _expect(answer, 204))


def _sendable(etag: str) -> str:
    """The entity tag, which has been through a browser. Raises `Changed` where api cannot have made it."""
    if not _ETAG.fullmatch(etag):
        raise Changed
    return etag


def _expect(answer: Answer, status: int) -> None:
    """Raises the refusal that another status stands for, or `Away` for one that api has no reason to give."""
    if answer.status == status:
        return
    if answer.status in (409, 422):
        raise Invalid(_faults(_decode(answer)))
    if answer.status == 404:
        raise NotFound
    if answer.status == 412:
        raise Changed
    if answer.status == 401:
        log.error("api refuses the token: the first of web's API_TOKEN has to be among api's")
        raise Away("unauthorized")
    raise Away("rubbish")


def _decode(answer: Answer) -> Any:
    """The JSON of a body. Raises `Away` where it is something else."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise Away("rubbish") from error


def _json(answer: Answer, status: int) -> Any:
    _expect(answer, status)
    return _decode(answer)


def _page(answer: Answer) -> Page:
    rows = _json(answer, 200)
    if not isinstance(rows, list):
        raise Away("rubbish")
    link = answer.headers.get("Link")
    following = _NEXT.search(link) if link else None
    return Page([_user(row) for row in rows], following[1] if following else None)


def _tagged_user(answer: Answer) -> tuple[User, str]:
    user = _user(_json(answer, 200))
    etag = answer.headers.get("ETag", "")
    if not _ETAG.fullmatch(etag):
        raise Away("rubbish")
    return user, etag


def _user(row: Any) -> User:
    """Raises `Away` where it is not a user."""
    try:
        user = User(row["id"], row["name"], row["email"], row["created_at"], row["updated_at"])
    except (KeyError, TypeError, IndexError) as error:
        raise Away("rubbish") from error
    number, *texts = map(type, user)
    if number is not int or texts != _TEXTS:
        raise Away("rubbish")
    return user


def _faults(problem: Any) -> dict[str, str]:
    """The sentences of a problem document (RFC 9457) by field; several for one field are joined."""
    try:
        faults: dict[str, str] = {}
        for error in problem["errors"]:
            field, detail = str(error["field"]), _sentence(str(error["detail"]))
            faults[field] = f"{faults[field]} {detail}" if field in faults else detail
    except (KeyError, TypeError) as error:
        raise Away("rubbish") from error
    return faults


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].removesuffix(".") + "."
