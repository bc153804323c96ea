"""The circuit breaker, by its own clock."""

import threading

import pytest

from serving import breaker as module
from serving.breaker import Breaker, State


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def _open(states: list[State]) -> Breaker:
    breaker = Breaker(threshold=3, rest=1.0, on_change=states.append)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_opens_after_failures_in_a_row(clock: Clock) -> None:
    """A success in between starts the count again."""
    states: list[State] = []
    breaker = Breaker(threshold=3, rest=1.0, on_change=states.append)
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    assert [State.OPEN] == states


def test_one_probe_a_rest(clock: Clock) -> None:
    """After the rest one call goes through, and the next one a rest later, even if the first never reports."""
    states: list[State] = []
    breaker = _open(states)
    clock.now += 0.99
    assert not breaker.allows()
    clock.now += 0.02
    assert [True, False, False] == [breaker.allows() for _ in range(3)]
    clock.now += 1.01
    assert [True, False] == [breaker.allows() for _ in range(2)]
    assert [State.OPEN, State.HALF_OPEN] == states


def test_probe_decides(clock: Clock) -> None:
    """A failed probe opens again, an answered one closes."""
    states: list[State] = []
    breaker = _open(states)
    clock.now += 1.01
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    clock.now += 1.01
    assert breaker.allows()
    breaker.succeeded()
    assert all(breaker.allows() for _ in range(5))
    assert [State.OPEN, State.HALF_OPEN, State.OPEN, State.HALF_OPEN, State.CLOSED] == states


def test_threads_get_one_probe(clock: Clock) -> None:
    """Of many threads at once exactly one is let through."""
    breaker = _open([])
    clock.now += 1.01
    barrier, allowed = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        allowed.append(breaker.allows())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == sum(allowed)
