"""Calls to another service that end in time, whatever that service does.

What a call may cost is bounded: its time, its answer's size, its retries, and how many run at once. The numbers follow
the contract; the thoughts behind them are in https://sre.google/sre-book/addressing-cascading-failures/.
"""

import http.client
import io
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection

from serving import metrics
from serving.breaker import Breaker, tell
from serving.context import current_request
from serving.logs import log

CONNECT_TIMEOUT = 0.5  # seconds
READ_TIMEOUT = 2.0  # seconds, for the whole answer
RETRY_PAUSES = (0.1, 0.2)  # seconds before the second and third attempt, each shortened by chance
WORTHWHILE = 0.1  # seconds: with less time left an attempt is not begun
ANSWER_LIMIT = 1024 * 1024  # bytes
BREAKER_THRESHOLD = 5  # failures in a row
BREAKER_REST = 1.0  # seconds
_RETRIABLE = frozenset({502, 503, 504})
_JSON = ("application/json", "application/problem+json")

_no_retries = urllib3.Retry(total=False, redirect=False)

T = TypeVar("T")


class Away(Exception):  # noqa: N818  # an answer to a question, not a mistake
    """The service cannot be asked, did not answer in time, or not with anything sensible. `reason` is a metric label.

    `retriable`: a read may be sent again, not before `retry_after` seconds.
    """

    def __init__(self, reason: str, *, retriable: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retriable = retriable
        self.retry_after = retry_after


class Refusal(Exception):  # noqa: N818  # likewise
    """The service answered, and the answer is no: nothing is wrong with the service."""


class Answer(NamedTuple):
    """What came back, below status 500: JSON, by its media type, or a 204."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes


class Call(NamedTuple):
    """One call; `deadline` is a `time.monotonic()` value."""

    method: str
    path: str
    deadline: float
    body: bytes | None = None
    if_match: str | None = None

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; negative behind it."""
        return self.deadline - time.monotonic()


class HttpClient:
    """A pooled client for one service. Made before the workers fork: until its first call it holds no connection."""

    def __init__(self, target: str, url: str, *, token: str | None, calls_at_once: int) -> None:
        self._target = target
        self._headers = {"Accept": "application/json", "User-Agent": "tandem-web"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = urllib3.connectionpool.connection_from_url(url, maxsize=calls_at_once, block=False)
        self._pool.ConnectionCls = _Connection
        self._slots = threading.Semaphore(calls_at_once)
        self._breaker = Breaker(threshold=BREAKER_THRESHOLD, rest=BREAKER_REST, on_change=tell(target))

    def call(self, call: Call, understand: Callable[[Answer], T]) -> T:
        """What `understand` makes of the answer; it raises `Refusal` for a no and `Away` for rubbish.

        Raises `Away` before the deadline where there is no such answer.
        """
        # Without a free slot the answer is no at once: a hanging service must not take every thread of this one.
        if not self._slots.acquire(blocking=False):
            raise self._gave_up(call, Away("busy"), 0)
        started = time.perf_counter()
        try:
            return self._attempts(call, understand)
        finally:
            self._slots.release()
            metrics.CALL_DURATION.labels(self._target, call.method).observe(time.perf_counter() - started)

    def _attempts(self, call: Call, understand: Callable[[Answer], T]) -> T:
        pauses = RETRY_PAUSES if call.method == "GET" else ()
        for attempt in range(len(pauses) + 1):
            if not self._breaker.allows():
                raise self._gave_up(call, Away("open"), attempt)
            try:
                understood = understand(self._ask(call))
            except Refusal:
                self._answered(call)
                raise
            except Away as away:
                self._breaker.failed()
                pause = max(pauses[attempt] * random.uniform(0.5, 1), away.retry_after) if attempt < len(pauses) else 0  # noqa: S311  # no secret
                if not pause or not away.retriable or call.seconds_left - pause < WORTHWHILE:
                    raise self._gave_up(call, away, attempt + 1) from away
                time.sleep(pause)
            else:
                self._answered(call)
                return understood
        raise AssertionError("the last attempt returns or raises")

    def _answered(self, call: Call) -> None:
        self._breaker.succeeded()
        metrics.CALLS.labels(self._target, call.method, "answered").inc()

    def _gave_up(self, call: Call, away: Away, attempts: int) -> Away:
        metrics.CALLS.labels(self._target, call.method, away.reason).inc()
        if away.reason != "open":  # that the breaker is open has its line already
            log.warning("no answer", target=self._target, method=call.method, reason=away.reason, attempts=attempts)
        return away

    def _ask(self, call: Call) -> Answer:
        """Send, and on a stale connection send once more, whatever the method.

        The server had closed the connection, most likely without having read the request. Where it had, no harm is
        done: a second create meets the unique email, and a second change or delete the entity tag of If-Match.
        """
        try:
            return self._send(call)
        except exceptions.ProtocolError as error:
            if not isinstance(error.args[-1], _StaleConnectionError):
                raise Away("connection", retriable=True) from error
        try:
            return self._send(call)
        except exceptions.ProtocolError as error:
            raise Away("connection", retriable=True) from error

    def _send(self, call: Call) -> Answer:
        left = call.seconds_left
        if left <= 0:
            raise Away("timeout")
        headers = {**self._headers, "X-Request-Timeout": str(int(left * 1000))}
        if (request := current_request.get()) is not None:
            headers["X-Request-ID"] = request.request_id
            headers["traceparent"] = request.traceparent()
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.if_match is not None:
            headers["If-Match"] = call.if_match
        try:
            response = self._pool.urlopen(
                call.method,
                call.path,
                body=call.body,
                headers=headers,
                retries=_no_retries,
                timeout=urllib3.Timeout(total=left, connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
                preload_content=False,
                decode_content=False,
            )
            if response.status < 500 and not _is_json(response):
                response.close()  # and its connection: whoever that is, the next call does not go there again
                raise Away("rubbish")
            body = response.read(ANSWER_LIMIT + 1)
        except exceptions.ProtocolError:
            raise
        except exceptions.ReadTimeoutError as error:
            raise Away("timeout") from error  # asking twice does not help one that is too slow already
        except exceptions.NameResolutionError as error:
            raise Away("connection") from error  # outside every timeout; the resolver tries twice by itself
        except (exceptions.ConnectTimeoutError, exceptions.NewConnectionError) as error:
            raise Away("connection", retriable=True) from error
        except (exceptions.HTTPError, ValueError) as error:
            raise Away("rubbish") from error
        if len(body) > ANSWER_LIMIT:
            response.close()
            raise Away("rubbish")
        if response.length_remaining:  # half a body
            response.close()
            raise Away("connection", retriable=True)
        if response.status >= 500:
            retry_after = response.headers.get("Retry-After", "")
            raise Away(
                "error",
                retriable=response.status in _RETRIABLE,
                retry_after=int(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0,
            )
        return Answer(response.status, response.headers, body)


def _is_json(response: urllib3.BaseHTTPResponse) -> bool:
    """Whether it can be from the service: JSON, or a 204, which has no content.

    A Service whose endpoints come back leads a connection out of the cluster now and then (kube-proxy's iptables mode
    changes its tables one after the other), and proxies on the way answer for any address.
    """
    return response.status == 204 or response.headers.get("Content-Type", "").startswith(_JSON)


class _StaleConnectionError(ConnectionError):
    """A connection that has served before ended without an answer."""


class _InTime(io.RawIOBase):
    """What a socket receives, all of which has to come within the timeout that the socket has now.

    The timeout of a socket is for each piece, so that a server which sends a byte now and then would never be late.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file = sock.makefile("rb", buffering=0)
        self._end = time.monotonic() + (sock.gettimeout() or 0)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What `http.client` asks a socket for."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_InTime(sock), *args, **kwargs)  # type: ignore[arg-type]  # it only calls makefile()


class _Connection(HTTPConnection):
    response_class = _Response
    _answers = 0  # on the present connection

    def connect(self) -> None:
        self._answers = 0
        super().connect()

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        try:
            response = super().getresponse()
        except ConnectionError as error:
            if self._answers:
                raise _StaleConnectionError from error
            raise
        self._answers += 1
        return response
