"""A circuit breaker: a service that keeps failing is left alone, and asked again once in a while.

Own code, because pybreaker holds its lock during the call, so that all calls would wait in line behind a slow one.
"""

import threading
import time
from collections.abc import Callable
from enum import IntEnum

from serving import metrics
from serving.logs import log


class State(IntEnum):
    """As the metric ``circuit_breaker_state`` counts them."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Opens after `threshold` failures in a row; then lets one call through every `rest` seconds, until one succeeds.

    The next probe does not wait for the one before: a probe that hangs delays the recovery by nothing.
    `on_change` is told each new state.
    """

    def __init__(self, *, threshold: int, rest: float, on_change: Callable[[State], None]) -> None:
        self._threshold = threshold
        self._rest = rest
        self._on_change = on_change
        self._lock = threading.Lock()
        self._state = State.CLOSED
        self._failures = 0  # in a row
        self._next_probe = 0.0  # time.monotonic()

    def allows(self) -> bool:
        """Whether a call may be made now. Each call that was allowed reports how it went."""
        if self._state is State.CLOSED:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._next_probe:
                return False
            self._next_probe = now + self._rest
            self._change(State.HALF_OPEN)
        return True

    def succeeded(self) -> None:
        """A call was answered."""
        if not self._failures:
            return
        with self._lock:
            self._failures = 0
            self._change(State.CLOSED)

    def failed(self) -> None:
        """A call was not answered."""
        with self._lock:
            self._failures += 1
            if self._state is State.CLOSED and self._failures >= self._threshold:
                self._next_probe = time.monotonic() + self._rest
                self._change(State.OPEN)
            elif self._state is State.HALF_OPEN:
                self._change(State.OPEN)

    def _change(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self._on_change(state)


def tell(target: str) -> Callable[[State], None]:
    """An `on_change` that keeps the metric of calls to `target`, and has a log line for opening and closing."""
    gauge = metrics.BREAKER.labels(target)

    def on_change(state: State) -> None:
        gauge.set(state)
        if state is not State.HALF_OPEN:
            log.warning("breaker", target=target, state=state.name.lower())

    return on_change
