"""The load: connections are given up for new ones, and no answer is lost by it."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bench import load
from bench.data import STATE
from tests.requirements import require_program


class _Server(ThreadingHTTPServer):
    connections = 0

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    """A server that counts its connections."""
    require_program("wrk", "wrk")
    with _Server(("127.0.0.1", 0), _Handler) as made:
        Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.mark.parametrize("fresh", [True, False])
def test_connections_are_renewed(server: _Server, fresh: bool) -> None:
    """A new one after every `FRESH_AFTER` requests; without `fresh` each is kept to the end."""
    STATE.mkdir(parents=True, exist_ok=True)
    result = load.run(f"http://127.0.0.1:{server.server_port}/", {}, 200, "ok", seconds=1, fresh=fresh)
    assert result.requests > load.FRESH_AFTER
    renewed = result.requests // load.FRESH_AFTER if fresh else 0
    assert renewed + load.CONNECTIONS == pytest.approx(server.connections, abs=1)
