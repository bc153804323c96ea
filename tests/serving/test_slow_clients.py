"""Clients that stall keep a thread for a while, and a probe's answer never."""

import socket
import time
from collections.abc import Callable

import pytest
import urllib3

from serving.server import STALL_TIMEOUT
from tests.services import Service

HALF_A_HEAD = b"GET /users HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HALF_A_BODY = (
    b"POST /users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    b'{"name": "Half a b'
)


@pytest.mark.parametrize("name", ["api", "web"])
def test_clients_that_stall_give_their_threads_back(
    name: str, start: Callable[..., Service], sample_database: str
) -> None:
    """All threads wait for clients that went silent: the process is alive meanwhile, and serves again within 10 s."""
    own = {"DATABASE_URL": sample_database} if name == "api" else {}
    service = start(name, WEB_CONCURRENCY="1", THREADS="2", **own)
    address = ("127.0.0.1", service.port)
    with socket.create_connection(address) as head, socket.create_connection(address) as body:
        head.sendall(HALF_A_HEAD)
        body.sendall(HALF_A_BODY)
        _serves_again(service)
        answers = []
        for client in (head, body):
            client.settimeout(STALL_TIMEOUT)
            answers.append(client.recv(1000))
    assert b"" == answers[0]
    assert b"HTTP/1.1 4" == answers[1][:10], answers[1]
    assert "Traceback" not in service.output()


def _serves_again(service: Service) -> None:
    began = time.monotonic()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        service.request("GET", "/version", timeout=1)
    alive = urllib3.request("GET", f"http://127.0.0.1:{service.metrics_port}/livez", retries=False, timeout=1)
    assert (200, {"status": "ok"}) == (alive.status, alive.json())
    assert 200 == service.request("GET", "/version", timeout=STALL_TIMEOUT + 5).status
    assert time.monotonic() - began <= STALL_TIMEOUT + 4
