"""Clients that stall keep a thread for a while, and a probe's answer never."""

import contextlib
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


def test_a_client_that_does_not_close_keeps_nobody_waiting(start: Callable[..., Service]) -> None:
    """An answer with `Connection: close` is the end of it for the worker, whenever its client closes."""
    service = start("web", WEB_CONCURRENCY="1", THREADS="2")
    address = ("127.0.0.1", service.port)
    began = time.monotonic()
    for _ in range(20):
        with socket.create_connection(address) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = slow.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"Connection: close" in answer
            assert 200 == service.request("GET", "/livez").status
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("size", [100, 60_000, 200_000])
def test_an_answer_is_read_whole_though_its_request_was_not(start: Callable[..., Service], size: int) -> None:
    """A body that nobody reads and a head that is too long do not reset the connection under the answer."""
    service = start("web", WEB_CONCURRENCY="1", THREADS="2")
    head = f"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode()
    for request, status in ((head + b"x" * size, b"404"), (b"GET /" + b"x" * size + b" HTTP/1.1\r\n\r\n", b"4")):
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.settimeout(5)
            with contextlib.suppress(ConnectionError):
                client.sendall(request)
            assert client.recv(4096).startswith(b"HTTP/1.1 " + status)


def _is_served(service: Service) -> bool:
    try:
        return service.request("GET", "/version", timeout=1).status == 200
    except urllib3.exceptions.ReadTimeoutError:
        return False


def _serves_again(service: Service) -> None:
    began = time.monotonic()
    while _is_served(service):  # before the silent clients' connections, which came first, are taken in
        assert time.monotonic() - began < 2
    alive = urllib3.request("GET", f"http://127.0.0.1:{service.metrics_port}/livez", retries=False, timeout=1)
    assert (200, {"status": "ok"}) == (alive.status, alive.json())
    assert 200 == service.request("GET", "/version", timeout=STALL_TIMEOUT + 5).status
    assert time.monotonic() - began <= STALL_TIMEOUT + 4
