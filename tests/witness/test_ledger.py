"""The witness itself: a server that lies, loses or is late is found out, and an honest one is not accused."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.faults import oracle, report, wire
from tests.faults.client import Plan
from tests.faults.ledger import CHANGE, CREATE, DELETE, NOT_SENT, Entry, Ledger
from tests.faults.load import Load, load
from tests.faults.oracle import Stored

PATIENCE = 3  # seconds: an honest answer takes milliseconds, on a busy machine too
MIX = ("api create", "api create", "api create", "api list", "api change", "api read", "api delete")


class Liar:
    """A users API in memory. `lie` may take over one answer to a create: it gets the handler and the user."""

    def __init__(self) -> None:
        self.users: dict[int, dict[str, Any]] = {}
        self.creates = 0
        self.connections = 0
        self.open = 0  # of those, how many still are
        self.lie: Callable[[BaseHTTPRequestHandler, dict[str, Any]], bool] | None = None
        self.lock = threading.Lock()
        self.counting = threading.Lock()  # apart from the lock that a lie may hold: that delays no connection

    def store(self, user: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            number = len(self.users) + 1
            self.users[number] = {"id": number, **user}
            return self.users[number]


def _handler(liar: Liar) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def setup(self) -> None:
            super().setup()
            with liar.counting:
                liar.connections += 1
                liar.open += 1

        def finish(self) -> None:
            with liar.counting:
                liar.open -= 1
            super().finish()

        def answer(self, status: int, document: Any = None) -> None:
            body = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def body(self) -> dict[str, Any]:
            return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def user_id(self) -> int:
            return int(self.path.rpartition("/")[2])

        def do_GET(self) -> None:
            if re.fullmatch(r"/users/\d+", self.path):
                return self.answer(200, liar.users[self.user_id()])
            return self.answer(200, [user for user in liar.users.values() if user])

        def do_POST(self) -> None:
            user = self.body()
            liar.creates += 1
            if liar.creates == 20 and liar.lie is not None and liar.lie(self, user):
                return
            self.answer(201, liar.store(user))

        def do_PATCH(self) -> None:
            liar.users[self.user_id()].update(self.body())
            self.answer(200, liar.users[self.user_id()])

        def do_DELETE(self) -> None:
            liar.users[self.user_id()] = {}
            self.answer(204)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # of five a connection may be turned away that the test did not mean
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that has gone away is what some of these tests are about."""


@pytest.fixture
def liar() -> Iterator[Liar]:
    server = _Server(("127.0.0.1", 0), _handler(made := Liar()))
    made.port = server.server_port  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def _run(liar: Liar, mix: tuple[str, ...] = MIX) -> Load:
    """A second and a half of requests, and what they are found to have been."""
    port: int = liar.port  # type: ignore[attr-defined]
    with load({"api": port}, mix=mix, rate=100, kept_alive=10, timeout=PATIENCE) as running:
        running.rest(1.5)
    running.compare()
    return running


def test_an_honest_server_is_not_accused(liar: Liar) -> None:
    """Nothing failed, nothing lost; creates, changes and deletes all happened, on both kinds of connection."""
    run = _run(liar)

    assert ([], []) == (run.ledger.failed, run.violations)
    assert {CREATE, CHANGE, DELETE} == {entry.operation for entry in run.ledger.acknowledged}
    assert {True, False} == {entry.reused for entry in run.ledger.entries}
    new = sum(not entry.reused for entry in run.ledger.entries)
    assert 0.4 * len(run.ledger) < new - 10 < 0.6 * len(run.ledger)
    assert new <= liar.connections <= new + 10  # the comparison has its own


def test_the_rate_is_kept(liar: Liar) -> None:
    """A hundred requests a second are due, whatever the server does, and each is written down once."""
    run = _run(liar)

    numbers = [entry.number for entry in run.ledger.entries]
    assert list(range(len(numbers))) == numbers
    due = [entry.due for entry in run.ledger.entries]
    assert due[-1] - due[0] == pytest.approx((len(due) - 1) / 100, abs=1e-6)


def test_a_lost_write_is_found(liar: Liar) -> None:
    """Acknowledged and not stored: nothing failed for the client, and yet something is wrong."""
    liar.lie = lambda handler, user: handler.answer(201, {"id": 10**6, **user}) or True  # type: ignore[attr-defined]

    run = _run(liar, ("api create",))

    assert {"lost": 1} == oracle.count(run.violations)


def test_a_duplicated_write_is_found(liar: Liar) -> None:
    """Stored twice, acknowledged once."""

    def twice(_handler: BaseHTTPRequestHandler, user: dict[str, Any]) -> bool:
        liar.store(user)
        return False

    liar.lie = twice

    assert {"there 2 times": 1} == oracle.count(_run(liar, ("api create",)).violations)


def test_a_write_that_nobody_sent_is_found(liar: Liar) -> None:
    """A user of this run that is not in its ledger."""

    def more(_handler: BaseHTTPRequestHandler, user: dict[str, Any]) -> bool:
        liar.store({"name": user["name"], "email": f"{user['email'].partition('@')[0]}-more@example.org"})
        return False

    liar.lie = more
    assert {"nobody sent it": 1} == oracle.count(_run(liar, ("api create",)).violations)


def test_a_reset_is_counted_and_leaves_the_write_open(liar: Liar) -> None:
    """A connection that ends without an answer: a failure; that the write was done all the same is no fault."""

    def hang_up(handler: BaseHTTPRequestHandler, user: dict[str, Any]) -> bool:
        liar.store(user)
        handler.close_connection = True
        return True

    liar.lie = hang_up
    run = _run(liar)

    assert {"api reset": 1} == run.ledger.kinds
    assert [] == run.violations


def test_an_answer_cut_off_is_counted(liar: Liar) -> None:
    """Less came than the length that was announced."""

    def half(handler: BaseHTTPRequestHandler, _user: dict[str, Any]) -> bool:
        handler.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{")
        handler.close_connection = True
        return True

    liar.lie = half
    run = _run(liar)

    assert {"api cut off": 1} == run.ledger.kinds
    assert [] == run.violations


def test_a_late_answer_is_counted(liar: Liar) -> None:
    """Later than the client waits."""

    def sleep(_handler: BaseHTTPRequestHandler, _user: dict[str, Any]) -> bool:
        time.sleep(PATIENCE + 0.2)
        return False

    liar.lie = sleep
    assert {"api late": 1} == _run(liar).ledger.kinds


def test_an_error_is_counted_by_its_status(liar: Liar) -> None:
    """An answer that is not the right one is a failure of that name."""
    liar.lie = lambda handler, _user: handler.answer(503, {}) or True  # type: ignore[attr-defined]

    assert {"api 503": 1} == _run(liar).ledger.kinds


def test_a_stalled_server_hides_nothing(liar: Liar) -> None:
    """While no answer comes requests go on being sent, and each one's latency counts from when it was due."""

    def stall(_handler: BaseHTTPRequestHandler, user: dict[str, Any]) -> bool:
        liar.store(user)
        with liar.lock:
            time.sleep(0.6)
        return False

    liar.lie = stall
    run = _run(liar)

    slow = [entry for entry in run.ledger.entries if entry.latency > 0.2]
    assert len(slow) > 5
    assert run.ledger.lag(0.99) < 0.2


def test_a_stall_leaves_no_more_connections_open(liar: Liar) -> None:
    """Those opened while all others wait for an answer are not kept: each would rest longer than was planned."""
    stalled = threading.Event()

    def stall(_handler: BaseHTTPRequestHandler, _user: dict[str, Any]) -> bool:
        stalled.set()
        with liar.lock:
            time.sleep(0.6)
        return False

    liar.lie = stall
    port: int = liar.port  # type: ignore[attr-defined]
    with load({"api": port}, mix=("api create",), rate=100, kept_alive=10, timeout=PATIENCE) as running:
        assert stalled.wait(5)
        running.rest(1.5)
        assert 10 <= liar.open <= 10 + 3  # beside what is just being asked


def test_nobody_listening(tmp_path: Path) -> None:
    """Refused connections are failures too; and the requests open at once are bounded."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with load({"api": port}, mix=("api list",), rate=100) as running:
        running.rest(0.5)
    assert {"api refused": len(running.ledger)} == running.ledger.kinds

    with socket.create_server(("127.0.0.1", 0), backlog=500) as silent:
        assert {f"api {NOT_SENT}": 180, f"api {wire.LATE}": 20} == _kinds_at(silent, tmp_path)


def test_nobody_answering_the_call(tmp_path: Path) -> None:
    """A connection that is neither taken nor refused has a word of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, socket.create_connection(deaf.getsockname()):
        assert {f"api {NOT_SENT}": 180, f"api {wire.UNCONNECTED}": 20} == _kinds_at(deaf, tmp_path)


def _kinds_at(server: socket.socket, folder: Path) -> dict[str, int]:
    """How 200 requests of which 20 may be open at once fail there."""
    plan = Plan(
        run="run", ports={"api": server.getsockname()[1]}, mix=("api list",), rate=200, seconds=1, at_most=20,
        timeout=wire.CONNECT_TIMEOUT + 1,
    )  # fmt: skip
    running = Load(plan, folder)
    running._process.wait(20)
    running.finish()
    return dict(running.ledger.kinds)


def test_a_load_has_bounds() -> None:
    """No plan may ask for more than the machine can bear."""
    with pytest.raises(ValueError, match="at most 500 requests/s for 1800 s"):
        Plan(run="run", ports={}, rate=1000)


def _entry(number: int, operation: str, kind: str = "") -> Entry:
    return Entry(number, "api", operation, False, 0, 0, 0, kind, key="run-1")


@pytest.mark.parametrize(
    ("writes", "state", "found"),
    [
        ([(CREATE, "")], "created", []),
        ([(CREATE, "")], "absent", ["run-1: lost"]),
        ([(CREATE, "late")], "absent", []),
        ([(CREATE, "late")], "created", []),
        ([(CREATE, ""), (CHANGE, "")], "created", ["run-1: created, and has to be changed"]),
        ([(CREATE, ""), (CHANGE, "reset")], "created", []),
        ([(CREATE, ""), (CHANGE, ""), (DELETE, "")], "changed", ["run-1: changed, and has to be absent"]),
        ([(CREATE, ""), (CHANGE, ""), (DELETE, "503")], "absent", []),
        ([(CREATE, ""), (CHANGE, ""), (DELETE, "503")], "created", ["run-1: created, and has to be absent or changed"]),
    ],
)
def test_what_may_be_there(writes: list[tuple[str, str]], state: str, found: list[str]) -> None:
    """An acknowledged write has happened, a failed one may have, and nothing else has."""
    ledger = Ledger(_entry(number, *write) for number, write in enumerate(writes))
    stored = [] if state == "absent" else [Stored("run-1", state)]

    assert found == oracle.violations(ledger, stored)


def test_the_report_shows_it_all(liar: Liar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with the counts, a picture, and the ledger as it was."""
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    liar.lie = lambda handler, _user: handler.answer(503, {}) or True  # type: ignore[attr-defined]
    run = _run(liar)

    table = report.write("fault-0", "A lie", run)

    assert ("1", "1 api 503") == (table["failed"], table["kinds of failure"])
    assert "| failed | 1 |" in (tmp_path / "fault-0.md").read_text()
    assert (tmp_path / "fault-0.png").read_bytes().startswith(b"\x89PNG")
    assert run.ledger.entries == Ledger.read(tmp_path / "fault-0.jsonl").entries
