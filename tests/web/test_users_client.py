"""The users client against an api that misbehaves: it answers within its deadline, and retries only what it may."""

import socket
import threading
import time
from collections.abc import Callable

import orjson
import pytest

from serving.context import RequestContext, current_request
from tests.web import faults
from tests.web.faults import ADA, USERS, Behaviour, FaultServer, Request, answering, reply
from tests.web.settings import settings
from web.http_client import BREAKER_THRESHOLD, Away
from web.users_client import Changed, Invalid, NotFound, Users, UsersClient

ALICE = {"name": "Alice", "email": "alice@example.org"}


@pytest.fixture
def client(api_faults: FaultServer) -> UsersClient:
    return UsersClient(settings(API_URL=api_faults.url, API_TOKEN="first-token,second-token"))


def _seconds(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def _away(call: Callable[[], object]) -> str:
    with pytest.raises(Away) as raised:
        call()
    return raised.value.reason


def test_what_is_sent(client: UsersClient, api_faults: FaultServer) -> None:
    """The first token, the time left, and the request's id and trace go along."""
    token = current_request.set(RequestContext("the-id", "a" * 32, "01"))
    try:
        page = client.for_request().page("c+/=")
    finally:
        current_request.reset(token)
    request = api_faults.requests[0]
    assert [tuple(ADA.values())] == [tuple(user) for user in page.users]
    assert "/users?limit=20&after=c%2B%2F%3D" == request.path
    assert "Bearer first-token" == request.headers["authorization"]
    assert "the-id" == request.headers["x-request-id"]
    assert request.headers["traceparent"].startswith("00-" + "a" * 32 + "-")
    assert 2500 < int(request.headers["x-request-timeout"]) <= 3000


def test_next_page(client: UsersClient, api_faults: FaultServer) -> None:
    """The cursor of the next page comes from the Link header."""
    api_faults.behave = answering(200, [ADA], 'Link: </users?limit=20&after=MjA>; rel="next"')
    assert "MjA" == client.for_request().page(None).next_cursor


def test_connections_are_kept(client: UsersClient, api_faults: FaultServer) -> None:
    """Calls one after the other share a connection."""
    for _ in range(3):
        client.for_request().page(None)
    assert [1, 2, 3] == [request.number for request in api_faults.requests]


@pytest.mark.parametrize(
    ("behaviour", "reason", "limit"),
    [
        pytest.param(faults.hanging, "timeout", 2.5, id="hanging"),
        pytest.param(faults.slow(2.3, USERS), "timeout", 2.5, id="slow"),
        pytest.param(faults.trickling(reply(200, b"[" + b" " * 999 + b"]")), "timeout", 2.5, id="trickling headers"),
        pytest.param(faults.trickling(b"HTTP/1.1 100 Continue\r\n\r\n", 0.01), "timeout", 2.5, id="endless 100s"),
        pytest.param(answering(500, {}), "error", 0.5, id="500"),
        pytest.param(answering(503, {}), "error", 1, id="503"),
        pytest.param(faults.resetting, "connection", 1, id="reset"),
        pytest.param(faults.sending(b""), "connection", 1, id="closed"),
        pytest.param(faults.sending(reply(200, orjson.dumps([ADA]))[:-20]), "connection", 1, id="half a body"),
        pytest.param(faults.sending(b"HTTP/1.1 200 OK\r\nContent-"), "rubbish", 1, id="half a header"),
        pytest.param(faults.sending(b"\x00\xff rubbish \r\n\r\n"), "connection", 1, id="not http"),
        pytest.param(faults.sending(reply(200, b"<html>", kind="text/html")), "rubbish", 1, id="html"),
        pytest.param(faults.sending(reply(200, b"[{]")), "rubbish", 1, id="not json"),
        pytest.param(answering(200, {"users": []}), "rubbish", 1, id="another shape"),
        pytest.param(answering(200, [{"id": "1", "name": None}]), "rubbish", 1, id="another user"),
        pytest.param(answering(200, [{**ADA, "id": True}]), "rubbish", 1, id="another type"),
        pytest.param(answering(302, [], "Location: http://127.0.0.1:9/"), "rubbish", 1, id="redirect"),
        pytest.param(answering(418, {}), "rubbish", 1, id="teapot"),
        pytest.param(answering(422, {"detail": "no"}), "rubbish", 1, id="no errors"),
        pytest.param(answering(401, {}), "unauthorized", 1, id="401"),
        pytest.param(faults.sending(reply(200, b"[" + b" " * 2**20 + b"]")), "rubbish", 1, id="too large"),
        pytest.param(
            faults.sending(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),  # noqa: E501
            "connection", 1, id="wrong chunks",
        ),
        pytest.param(
            faults.sending(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n[]"), "rubbish", 1,
            id="two lengths",
        ),
    ],
)  # fmt: skip
def test_away(client: UsersClient, api_faults: FaultServer, behaviour: Behaviour, reason: str, limit: float) -> None:
    """Whatever api does, the client says `Away` in time, and the next call is answered."""
    api_faults.behave = behaviour
    reasons: list[str] = []
    assert limit > _seconds(lambda: reasons.append(_away(lambda: client.for_request().page(None))))
    assert [reason] == reasons
    api_faults.behave = USERS
    assert 1 == len(client.for_request().page(None).users)


@pytest.mark.parametrize(
    "call",
    [
        lambda users: users.page(None),
        lambda users: users.read(1),
        lambda users: users.create(ALICE),
        lambda users: users.delete(1, '"1.1"'),
    ],
)
def test_a_stranger_answers(client: UsersClient, api_faults: FaultServer, call: Callable[[Users], object]) -> None:
    """A 404 that api cannot have sent says nothing of users, and its connection is not used again."""
    stranger = b"HTTP/1.1 404 Not Found\r\nServer: stranger\r\nContent-Length: 0\r\n\r\n"
    api_faults.behave = lambda connection, _request: connection.sendall(stranger)
    assert "rubbish" == _away(lambda: call(client.for_request()))
    api_faults.behave = USERS
    client.for_request().page(None)
    assert [1, 1] == [request.number for request in api_faults.requests]


def test_trickling_body(client: UsersClient, api_faults: FaultServer) -> None:
    """A body whose bytes all come in time one by one is still late as a whole."""
    api_faults.behave = lambda connection, request: (
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n"),  # type: ignore
        faults.trickling(b" ")(connection, request),
    )[0]
    assert 2.5 > _seconds(lambda: _away(lambda: client.for_request().page(None)))


def test_refused(client: UsersClient, api_faults: FaultServer) -> None:
    """A stopped api is noticed at once."""
    api_faults.stop()
    assert 1 > _seconds(lambda: _away(lambda: client.for_request().page(None)))


def test_one_deadline_for_a_request(api_faults: FaultServer) -> None:
    """A second call has only the time that the first has left."""
    client = UsersClient(settings(API_URL=api_faults.url, API_TIMEOUT="1"))
    api_faults.behave = faults.slow(0.6, USERS)
    users = client.for_request()
    users.page(None)
    assert 0.6 > _seconds(lambda: _away(lambda: users.page(None)))


@pytest.mark.parametrize("first", [answering(502, {}), answering(503, {}), answering(504, {}), faults.resetting])
def test_reads_are_retried(client: UsersClient, api_faults: FaultServer, first: Behaviour) -> None:
    """A read that met a passing fault is sent again."""

    def behave(connection: object, request: Request) -> None:
        (first if len(api_faults.requests) == 1 else USERS)(connection, request)  # type: ignore[arg-type]

    api_faults.behave = behave
    assert 1 == len(client.for_request().page(None).users)
    assert 2 == len(api_faults.requests)
    assert int(api_faults.requests[0].headers["x-request-timeout"]) > int(
        api_faults.requests[1].headers["x-request-timeout"]
    )


def test_retry_after_is_honoured(client: UsersClient, api_faults: FaultServer) -> None:
    """No retry comes before the time that api asked for, nor one that would come too late."""
    api_faults.behave = answering(503, {}, "Retry-After: 5")
    assert 0.5 > _seconds(lambda: _away(lambda: client.for_request().page(None)))
    assert 1 == len(api_faults.requests)


@pytest.mark.parametrize(
    "write",
    [
        lambda users: users.create(ALICE),
        lambda users: users.change(1, ALICE, '"1.1"'),
        lambda users: users.delete(1, '"1.1"'),
    ],
)
@pytest.mark.parametrize("behaviour", [answering(503, {}), faults.resetting])
def test_writes_are_not_retried(
    client: UsersClient, api_faults: FaultServer, write: Callable[[Users], object], behaviour: Behaviour
) -> None:
    """A write on a new connection is sent once."""
    api_faults.behave = behaviour
    _away(lambda: write(client.for_request()))
    assert 1 == len(api_faults.requests)


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timeout ends a lookup, so that a second one would take a request past its deadline."""
    asked = []

    def unanswered(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unanswered)
    assert "connection" == _away(lambda: UsersClient(settings(API_URL="http://demo-api:5001")).for_request().page(None))
    assert ["demo-api"] == asked


def test_stale_connection(client: UsersClient, api_faults: FaultServer) -> None:
    """A write that meets a connection which api has just closed is sent once more, on a new one."""

    def behave(connection: object, request: Request) -> None:
        if request.number > 1:
            faults.resetting(connection, request)  # type: ignore[arg-type]
        else:
            answer = USERS if request.method == "GET" else answering(201, ADA)
            answer(connection, request)  # type: ignore[arg-type]

    api_faults.behave = behave
    client.for_request().page(None)
    assert 1 == client.for_request().create(ALICE).id
    assert [("GET", 1), ("POST", 2), ("POST", 1)] == [(sent.method, sent.number) for sent in api_faults.requests]


def test_idle_connection_closed(client: UsersClient, api_faults: FaultServer) -> None:
    """A connection that api closed while it was idle is noticed before it is used."""
    client.for_request().page(None)
    api_faults.close_connections()
    time.sleep(0.05)
    client.for_request().page(None)
    assert 2 == len(api_faults.requests)


def test_calls_at_once(client: UsersClient, api_faults: FaultServer) -> None:
    """THREADS - 1 calls may hang; the next is refused at once."""
    api_faults.behave = faults.hanging
    threads = [threading.Thread(target=lambda: _away(lambda: client.for_request().page(None))) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(api_faults.requests) < 3:
        time.sleep(0.01)
    reasons: list[str] = []
    assert 0.1 > _seconds(lambda: reasons.append(_away(lambda: client.for_request().page(None))))
    assert ["busy"] == reasons
    for thread in threads:
        thread.join()


def test_breaker(client: UsersClient, api_faults: FaultServer) -> None:
    """After enough failures api is left alone; it is asked again a second later, and used as soon as it answers."""
    api_faults.behave = answering(500, {})
    for _ in range(BREAKER_THRESHOLD):
        assert "error" == _away(lambda: client.for_request().page(None))
    assert "open" == _away(lambda: client.for_request().page(None))
    assert BREAKER_THRESHOLD == len(api_faults.requests)
    api_faults.behave = USERS
    returned = time.monotonic()
    while True:
        try:
            client.for_request().page(None)
            break
        except Away:
            time.sleep(0.02)
    assert 1.5 > time.monotonic() - returned


def test_refusals_do_not_open_the_breaker(client: UsersClient, api_faults: FaultServer) -> None:
    """A no is an answer."""
    api_faults.behave = answering(404, {})
    for _ in range(2 * BREAKER_THRESHOLD):
        with pytest.raises(NotFound):
            client.for_request().read(1)


@pytest.mark.parametrize("status", [409, 422])
def test_invalid(client: UsersClient, api_faults: FaultServer, status: int) -> None:
    """The faults come by field, as sentences."""
    errors = [
        {"field": "name", "detail": "too long"},
        {"field": "name", "detail": "odd."},
        {"field": "email", "detail": ""},
    ]
    api_faults.behave = answering(status, {"errors": errors})
    with pytest.raises(Invalid) as raised:
        client.for_request().create(ALICE)
    assert {"name": "Too long. Odd.", "email": "."} == raised.value.faults


@pytest.mark.parametrize("etag", ["", "1.1", '"a"b"', '"a\r\nX: y"', '"' + "x" * 101 + '"', '"é"'])
def test_forged_etag(client: UsersClient, api_faults: FaultServer, etag: str) -> None:
    """An entity tag that api cannot have made is never sent."""
    with pytest.raises(Changed):
        client.for_request().change(1, ALICE, etag)
    assert [] == api_faults.requests
