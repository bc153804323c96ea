"""Prometheus metrics, one set of series for all workers of a service.

prometheus-client's multiprocess mode keeps each worker's numbers in a mapped file below ``PROMETHEUS_MULTIPROC_DIR``;
whoever is asked adds them up (https://prometheus.github.io/client_python/multiprocess/). Names and units follow
https://prometheus.io/docs/practices/naming/. In that mode there are no Info metrics, so build info is a gauge of 1.
"""

import os
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from serving.health import ALIVE
from serving.logs import log
from serving.version import revision, version

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

REQUESTS = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from a request's headers to the end of its answer.",
    ["method", "route", "status"],
    buckets=_SECONDS,
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum")
CALLS = Counter("http_client_requests", "Calls to another service.", ["target", "method", "outcome"])
CALL_DURATION = Histogram(
    "http_client_request_duration_seconds",
    "Time of calls to another service, retries included.",
    ["target", "method"],
    buckets=_SECONDS,
)
BREAKER = Gauge(
    "circuit_breaker_state",
    "0: closed, 1: half-open, 2: open; the worst of all workers.",
    ["target"],
    multiprocess_mode="livemax",
)
BUILD = Gauge(
    "build_info", "What runs here: always 1.", ["service", "version", "revision"], multiprocess_mode="livemax"
)


@cache
def answered(method: str, route: str, status: str) -> tuple[Counter, Histogram]:
    """The two series that count such an answer; looking them up by their labels costs more than counting."""
    return REQUESTS.labels(method, route, status), DURATION.labels(method, route, status)


def method_label(method: str) -> str:
    """The method, or ``OTHER``: a client must not be able to make new series."""
    return method if method in _METHODS else "OTHER"


class _QuietHandler(WSGIRequestHandler):
    timeout = 5  # seconds; a scraper that hangs frees its thread

    def log_message(self, *_: Any) -> None:
        """Scrapes stay out of the log."""


class _MetricsServer(WSGIServer):
    """Serves on a listening socket that was bound before the workers were forked.

    Every worker waits on the same socket and whichever wakes first answers for all, so that the loss of one worker
    never takes the metrics away, and no thread has to live in the process that forks.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), _QuietHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.base_environ: dict[str, str] = {}
        self.server_name, self.server_port = "metrics", listener.getsockname()[1]
        self.setup_environ()
        self.set_app(_alive_beside(make_wsgi_app(registry())))

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A scraper that hung or went away is none of ours, and the standard library's traceback no line of the log."""
        if not isinstance(error := sys.exception(), OSError):
            log.error("scrape", exc_info=error)


def _alive_beside(scrape: "WSGIApplication") -> "WSGIApplication":
    """``/livez`` on this port too, where no slow client can keep a probe waiting and have the process killed."""

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/livez":
            return scrape(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(ALIVE)))])
        return [ALIVE]

    return application


def listen(port: int) -> socket.socket:
    """A listening socket for metrics on every address. Raises OSError where the port is taken."""
    listener = socket.create_server(("", port), backlog=16)
    listener.setblocking(False)  # two workers wake for one connection: the second must not wait for another
    return listener


def serve(service: str, listener: socket.socket) -> None:
    """Answer scrapes on `listener` from a thread of this process."""
    BUILD.labels(service, version(), revision()).set(1)
    threading.Thread(target=_MetricsServer(listener).serve_forever, name="metrics", daemon=True).start()


class _Collector(MultiProcessCollector):
    def collect(self) -> Any:
        """From every file with something in it.

        A worker opens its file before it gives it a size, and prometheus-client fails on one that is empty then.
        """
        with os.scandir(self._path) as entries:
            files = [entry.path for entry in entries if entry.name.endswith(".db") and _has_content(entry)]
        return self.merge(files)  # type: ignore[no-untyped-call]


def _has_content(entry: "os.DirEntry[str]") -> bool:
    with suppress(FileNotFoundError):  # of a worker that has ended meanwhile
        return entry.stat().st_size > 0
    return False


def registry() -> CollectorRegistry:
    """A registry that sums over all workers."""
    collected = CollectorRegistry()
    _Collector(collected)  # type: ignore[no-untyped-call]
    return collected


def forget(pid: int) -> None:
    """Drop the gauges of a worker that has ended; its counters stay in the sums."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
