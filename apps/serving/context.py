"""The request in hand: its id, its trace and its deadline.

Sources: W3C Trace Context (https://www.w3.org/TR/trace-context/) for ``traceparent``; ``X-Request-ID`` is a convention.
"""

import random
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:@=+-]{1,128}", re.ASCII)
# Version 00's four fields; a later version may carry more behind them, which is ignored as the standard asks.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request's identity. `deadline` is a `time.monotonic()` value, or None where the caller set none."""

    request_id: str
    trace_id: str  # 32 hexadecimal digits
    flags: str = "00"  # 01: sampled
    deadline: float | None = None

    def traceparent(self) -> str:
        """The header for an outgoing call: the same trace, a new parent id."""
        return f"00-{self.trace_id}-{_random_hex(8)}-{self.flags}"

    def seconds_left(self) -> float | None:
        """Seconds until the deadline, negative behind it; None without one."""
        return None if self.deadline is None else self.deadline - time.monotonic()


def _random_hex(count: int) -> str:
    """That many bytes to tell requests apart by, not to keep a secret with.

    Asking the system for them would have this thread wait for its turn again; `random` is seeded anew in each worker.
    """
    return f"{random.getrandbits(8 * count):0{2 * count}x}"


current_request: ContextVar[RequestContext | None] = ContextVar("current_request", default=None)


def from_headers(request_id: str | None, traceparent: str | None, timeout: str | None) -> RequestContext:
    """The context that a request's headers ask for; what is missing or malformed is made anew.

    `timeout` is ``X-Request-Timeout``, the milliseconds that the caller will still wait.
    """
    if request_id is None or not _REQUEST_ID.fullmatch(request_id):
        request_id = _random_hex(16)
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match and match[1].strip("0") and match[2].strip("0") and (match[4] is None or traceparent[:2] != "00"):  # type: ignore[index]
        trace_id, flags = match[1], match[3]
    else:
        trace_id, flags = _random_hex(16), "00"
    deadline = None
    if timeout and timeout.isascii() and timeout.isdigit() and len(timeout) < 10:
        deadline = time.monotonic() + int(timeout) / 1000
    return RequestContext(request_id, trace_id, flags, deadline)
