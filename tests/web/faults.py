"""An api that misbehaves on purpose: a real server on 127.0.0.1 whose behaviour a test sets."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import orjson

ADA = {
    "id": 1,
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}


@dataclass(frozen=True)
class Request:
    """What the server was sent; `number` counts the requests of one connection from 1."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    number: int


Behaviour = Callable[[socket.socket, Request], None]


def reply(status: int, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answering(status: int, document: object, *headers: str) -> Behaviour:
    """Answer every request alike."""
    answer = reply(status, orjson.dumps(document), *headers)
    return lambda connection, _request: connection.sendall(answer)


def sending(data: bytes) -> Behaviour:
    """Send these bytes and close."""

    def behave(connection: socket.socket, _request: Request) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    return behave


def trickling(data: bytes, pause: float = 0.3) -> Behaviour:
    """Send a byte now and then, for ever."""

    def behave(connection: socket.socket, _request: Request) -> None:
        while True:
            for index in range(len(data)):
                connection.sendall(data[index : index + 1])
                time.sleep(pause)

    return behave


def hanging(connection: socket.socket, _request: Request) -> None:
    """Never answer; leave when the client does."""
    connection.recv(1)


def resetting(connection: socket.socket, _request: Request) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(connection.detach())  # its file is open still, so that close() would only count down


def slow(seconds: float, then: Behaviour) -> Behaviour:
    """Take some time first."""

    def behave(connection: socket.socket, request: Request) -> None:
        time.sleep(seconds)
        then(connection, request)

    return behave


USERS = answering(200, [ADA], 'ETag: "1.1"')


class FaultServer:
    """Behaves as `behave` says, whatever is asked; keeps the requests it was sent."""

    def __init__(self, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.behave: Behaviour = USERS
        self.requests: list[Request] = []
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        number = 0
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as incoming:
            while first := incoming.readline():
                number += 1
                method, path, _ = first.decode().split()
                headers = {}
                while (line := incoming.readline().decode().strip()) != "":
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                body = incoming.read(int(headers.get("content-length", 0)))
                request = Request(method, path, headers, body, number)
                self.requests.append(request)
                self.behave(connection, request)

    def close_connections(self) -> None:
        """Close what is open, as a server does with idle connections."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def stop(self) -> None:
        """No longer listen, and drop every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()


@contextmanager
def fault_server(port: int = 0) -> Iterator[FaultServer]:
    """A fault server until the block ends."""
    server = FaultServer(port)
    try:
        yield server
    finally:
        server.stop()
