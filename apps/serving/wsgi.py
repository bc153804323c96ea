"""The WSGI application that stands around each framework's: health, request ids, metrics and the request's log line.

It is plain WSGI (PEP 3333), so that Flask and Django get the same, once.
"""

import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from serving import metrics
from serving.context import current_request, from_headers
from serving.health import Check, Health
from serving.logs import log
from serving.settings import BODY_LIMIT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The framework writes the matched route here; without one, a client could make a new series with every path.
ROUTE = "tandem.route"
_NO_ROUTE = "unmatched"
_CHUNK = 64 * 1024
_DISCARD_LIMIT = 2 * 1024 * 1024


class Service:
    """A framework's WSGI application as a service."""

    def __init__(self, application: "WSGIApplication", *, service: str, checks: Mapping[str, Check]) -> None:
        self._application = application
        self._health = Health(service, checks)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        answer = self._health.answer(environ["PATH_INFO"])
        if answer is not None:
            return _health_response(answer, environ["REQUEST_METHOD"], start_response)
        if "HTTP_TRANSFER_ENCODING" in environ:
            _read_chunked(environ)
        elif int(environ.get("CONTENT_LENGTH") or 0) > BODY_LIMIT:
            _discard(environ)
        return _Exchange(environ, start_response).run(self._application)


def _health_response(answer: tuple[str, bytes], method: str, start_response: "StartResponse") -> Iterable[bytes]:
    status, body = answer
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    if method not in ("GET", "HEAD"):
        status, body = "405 Method Not Allowed", b'{"status":"method not allowed"}'
        headers.append(("Allow", "GET, HEAD"))
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [] if method == "HEAD" else [body]


def _read_chunked(environ: "WSGIEnvironment") -> None:
    """Give a chunked body a length, since frameworks take a request without one as empty.

    Of a body over the limit one byte more is kept: the framework sees a length over its own limit and answers 413.
    """
    body = environ["wsgi.input"].read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        _discard(environ)
    environ["CONTENT_LENGTH"] = str(len(body))
    del environ["HTTP_TRANSFER_ENCODING"]  # the body has a length now, and Werkzeug would ignore it
    environ["wsgi.input"] = io.BytesIO(body)


def _discard(environ: "WSGIEnvironment") -> None:
    """Read a body that is too large away, within reason, so that the client hears the 413 on a connection in order."""
    left = _DISCARD_LIMIT
    while left > 0 and (chunk := environ["wsgi.input"].read(_CHUNK)):
        left -= len(chunk)


class _Exchange:
    """One request and its answer; also the answer's iterable, so that the end is seen when the server closes it."""

    __slots__ = ("_body", "_context", "_environ", "_start_response", "_started", "_status", "_token")

    def __init__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> None:
        self._environ = environ
        self._start_response = start_response
        self._started = time.perf_counter()
        self._status = "500"
        self._body: Iterable[bytes] = ()
        self._context = from_headers(
            environ.get("HTTP_X_REQUEST_ID"),
            environ.get("HTTP_TRACEPARENT"),
            environ.get("HTTP_X_REQUEST_TIMEOUT"),
        )

    def run(self, application: "WSGIApplication") -> Iterable[bytes]:
        """Have the application answer; the result is this exchange, which the server iterates and closes."""
        self._token = current_request.set(self._context)
        metrics.IN_FLIGHT.inc()
        try:
            self._body = application(self._environ, self._begin)
        except BaseException:
            self._finish()
            raise
        return self

    def _begin(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        self._status = status[:3]
        headers.append(("X-Request-ID", self._context.request_id))
        return self._start_response(status, headers, exc_info)

    def __iter__(self) -> Iterator[bytes]:
        # RFC 9110 section 9.3.2: an answer to HEAD has no content, and gunicorn would send what it is given.
        return iter(()) if self._environ["REQUEST_METHOD"] == "HEAD" else iter(self._body)

    def close(self) -> None:
        """The answer is on its way."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._finish()
        if "CONTENT_LENGTH" in self._environ:
            # What is left unread would reset the connection as it is closed, and the client may lose the answer.
            # However slowly it comes, it is no part of the answer's time.
            with suppress(OSError):
                _discard(self._environ)

    def _finish(self) -> None:
        duration = time.perf_counter() - self._started
        method = metrics.method_label(self._environ["REQUEST_METHOD"])
        route = self._environ.get(ROUTE, _NO_ROUTE)
        metrics.IN_FLIGHT.dec()
        requests, durations = metrics.answered(method, route, self._status)
        requests.inc()
        durations.observe(duration)
        log.info("request", method=method, route=route, status=int(self._status), duration_ms=round(duration * 1000, 3))
        current_request.reset(self._token)
