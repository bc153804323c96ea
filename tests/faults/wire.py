"""HTTP/1.1 as a witness speaks it: one request, one answer, no retry, no redirect, and a word for what went wrong.

Libraries hide what a fault does: they send again on a stale connection, or follow. And the load shares two cores with
the cluster under test, so each request may cost little. Framing is RFC 9112, section 6.
"""

import asyncio
import ipaddress
import itertools
import secrets
from typing import NamedTuple

HEAD_LIMIT = 64 * 1024  # bytes
CONNECT_TIMEOUT = 3.0  # seconds
_sources = itertools.count(secrets.randbelow(2**24))  # numbers of addresses in the loopback network


class Failure(Exception):  # noqa: N818 # an observation, not a mistake
    """No complete answer came. `kind` is one of those below."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


REFUSED = "refused"  # nobody took the connection
UNCONNECTED = "unconnected"  # nobody said anything to the wish for one
RESET = "reset"  # the connection ended before the first byte of an answer
CUT_OFF = "cut off"  # it ended in mid-answer
LATE = "late"  # no complete answer within the time that the client waits
MALFORMED = "malformed"  # what came is no HTTP answer


class Answer(NamedTuple):
    """A complete answer; header names are in lower case, and of a repeated header the last is kept."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection to a port of 127.0.0.1. Requests on it come one after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.answers = 0

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect. Raises `Failure` where nobody takes the connection."""
        # A client of its own each time. A kernel that has led a connection to a pod leads the next one from the same
        # address and port there for two minutes, be the pod gone or not: one client would meet its own past.
        source = str(ipaddress.IPv4Address("127.0.0.1") + next(_sources) % (2**24 - 2))
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port, limit=HEAD_LIMIT, local_addr=(source, 0)
                )
        except TimeoutError as error:
            raise Failure(UNCONNECTED) from error
        except OSError as error:
            raise Failure(REFUSED) from error
        return cls(reader, writer)

    @property
    def usable(self) -> bool:
        """Whether another request may be sent: the server has not closed it."""
        return not self._writer.is_closing() and not self._reader.at_eof() and self._reader.exception() is None

    async def exchange(self, request: bytes) -> Answer:
        """Send a request and read the whole answer. Raises `Failure`."""
        begun = False
        try:
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            begun = True
            status, headers = _parse(head)
            body = await self._body(status, headers)
        except asyncio.IncompleteReadError as error:
            raise Failure(CUT_OFF if begun or error.partial else RESET) from error
        except OSError as error:
            raise Failure(CUT_OFF if begun else RESET) from error
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise Failure(MALFORMED) from error
        self.answers += 1
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    async def _body(self, status: int, headers: dict[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
                pieces.append(await self._reader.readexactly(size))
                await self._reader.readexactly(2)
            await self._reader.readuntil(b"\r\n")
            return b"".join(pieces)
        return await self._reader.readexactly(int(headers["content-length"]))

    def close(self) -> None:
        """Close it at once."""
        self._writer.close()


def _parse(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers. Raises ValueError where it is no head of an answer, or its body's end cannot be known."""
    status_line, *lines = head.decode("latin-1").split("\r\n")[:-2]
    version, status, *_ = status_line.split(" ")
    if version != "HTTP/1.1":
        raise ValueError(status_line)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" not in headers and "transfer-encoding" not in headers and status not in ("204", "304"):
        raise ValueError("an answer without a length")
    return int(status), headers


def request(
    method: str, path: str, port: int, *, headers: dict[str, str], body: bytes | None, keep_alive: bool
) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "User-Agent: tandem-faults"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
