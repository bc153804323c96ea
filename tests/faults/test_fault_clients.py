"""Clients that mean harm or know no better: malformed input in mid-rollout, and a thousand that are slow."""

import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.kube import ROOT
from tests.faults.load import Load
from tests.faults.nodeports import PORTS
from tests.faults.stage import Stage

pytestmark = pytest.mark.thorough

READS = ("web hello", "api list", "web list")  # schemathesis changes and deletes whatever users it meets
LIVENESS = 40.0  # seconds: after 30 of failed liveness probes a container is restarted
STEPS = (1, 3, 10, 30, 100, 300, 1000)
CONNECT_WITHIN = 1.0  # seconds, for a slow client
HURT = 1.0  # seconds: a light request that takes longer is one that is hurt


def test_fault_15_bad_input_during_a_rollout(stage: Stage) -> None:
    """No 5xx but web's 503: the corpus and schemathesis get the contract's answers while all pods are replaced."""
    environment = os.environ | {
        "TANDEM_API_URL": f"http://127.0.0.1:{PORTS['api']}", "API_TOKEN": stage.release.token()
    }  # fmt: skip
    told = []
    with stage.load(mix=READS, rate=20) as run:
        for number in (1, 2):
            run.mark(f"bad input begins, rollout {number}")
            contract = subprocess.Popen(
                [sys.executable, "-m", "pytest", "tests/contract", "--quiet", "--color=no"],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            try:
                run.rest(3)
                stage.roll(f"corpus-{number}")
                assert contract.poll() is None, "the contract tests ended before the rollout"
                told.append(contract.communicate(timeout=300)[0])
            finally:
                contract.kill()
            assert 0 == contract.returncode, told[-1][-6000:]
    last = ", ".join(each.splitlines()[-1] for each in told)
    stage.report(15, "bad input and schemathesis during rollouts", run, **{"contract tests": last})
    assert set(run.ledger.kinds) <= {"web 503"}


class SlowClients:
    """Connections to one service which keep it waiting: `begin` is sent on each, then every second `drip` (or read)."""

    def __init__(self, service: str, begin: bytes, drip: bytes) -> None:
        self._address = ("127.0.0.1", PORTS[service])
        self._begin = begin
        self._drip = drip
        self._sockets: list[socket.socket] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def grow(self, number: int) -> int:
        """Have that many of them, or as many as get a connection; how many there are."""
        while len(self._sockets) < number:
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            made.settimeout(CONNECT_WITHIN)
            try:
                made.connect(self._address)
                made.sendall(self._begin)
            except OSError:  # no pod is in rotation any more
                made.close()
                break
            made.setblocking(False)
            self._sockets.append(made)
        return len(self._sockets)

    def _go_on(self) -> None:
        while not self._ended.wait(1):
            for each in list(self._sockets):
                try:
                    each.send(self._drip) if self._drip else each.recv(1)
                except OSError:
                    continue  # nothing to read, or the server has had enough of it

    @contextmanager
    def at_work(self) -> Iterator["SlowClients"]:
        """They drip while the block runs, and are gone behind it."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._thread.join()
            for each in self._sockets:
                each.close()


def slow_clients(kind: str, token: str) -> SlowClients:
    """Those of the kind: at the head of a request, at its body, at the answer."""
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if kind == "heads":
        return SlowClients("web", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X: y\r\n")
    if kind == "bodies":
        body = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        return SlowClients("api", f"POST /users HTTP/1.1\r\n{head}{body}{{".encode(), b" ")
    return SlowClients("api", f"GET /users?limit=1000 HTTP/1.1\r\n{head}\r\n".encode() * 20, b"")


@pytest.mark.parametrize("kind", ["heads", "bodies", "reads"])
def test_fault_16_slow_clients(stage: Stage, kind: str) -> None:
    """From some number on others are hurt, which is measured; no pod is restarted, and all is well once they go."""
    with stage.load(mix=("web hello", "api list"), rate=20) as run:
        begun = {}
        connected = 0
        with slow_clients(kind, stage.release.token()).at_work() as clients:
            for number in STEPS:
                connected = clients.grow(number)
                begun[number] = run.mark(f"{number}")
                run.rest(4)
            run.rest(LIVENESS)
        gone = run.mark("they are gone")
        run.rest(10)
    hurt = first_hurt(run, begun)
    served = max([gone, *(entry.due for entry in run.ledger.failed)]) - gone
    stage.report(
        f"16-{kind}", f"slow clients: {kind}", run,
        **{
            "others are hurt from": f"{hurt or 'none of ' + str(STEPS[-1])} slow clients",
            "connected at the end": str(connected),
            "served again": f"{served:.1f} s after they were gone",
            "restarts": str(run.restarts),
        },
    )  # fmt: skip
    assert 0 == run.restarts
    assert served <= 5
    assert hurt is None or hurt >= 10, "fewer slow clients than one worker has threads hurt others"


def first_hurt(run: Load, begun: dict[int, float]) -> int | None:
    """The smallest number of slow clients with which any other request failed or took long; None where none did."""
    for number, moment in begun.items():
        during = run.ledger.between(moment, moment + 4)
        assert len(during) > 40
        if during.failed or max(entry.latency for entry in during.entries) > HURT:
            return number
    return None
