"""The load: an open-loop client of both services that writes down every request.

    python -m tests.faults.client PLAN.json LEDGER.jsonl

A request is sent when it is due, whatever became of those before it. Half of them go out on a connection of their own,
the others share kept-alive ones that take turns. It ends with its plan, or at SIGTERM once all answers are in.
"""

import asyncio
import itertools
import json
import re
import signal
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import urlencode

import uvloop

from tests.faults import wire
from tests.faults.ledger import CHANGE, CREATE, DELETE, NOT_SENT, UNFINISHED, Entry, line
from tests.faults.oracle import CHANGED, CREATED, user
from tests.faults.wire import Answer, Connection, Failure

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Reads and writes as they come, through web and straight to api; the order repeats.
MIX = (
    "web hello", "api list", "web list", "api create", "web hello", "api read", "web list", "api list",
    "web hello", "web create", "api list", "web hello", "api create", "web list", "web hello", "api change",
    "api list", "web hello", "api read", "api delete",
)  # fmt: skip
READ = "read"
MAXIMUM_RATE, MAXIMUM_SECONDS = 500, 1800


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to send. Ports are of 127.0.0.1; times are in seconds."""

    run: str  # what each key of this run begins with
    ports: dict[str, int]  # by service
    token: str = ""
    rate: float = 200  # requests a second
    seconds: float = 60
    kept_alive: int = 50  # connections, over all services
    new_share: float = 0.5  # of the requests go out on a new connection
    timeout: float = 5
    at_most: int = 800  # requests open at once: more than wait for a stopping worker, whose 2 s are 400 requests
    mix: tuple[str, ...] = field(default=MIX)

    def __post_init__(self) -> None:
        if not 0 < self.rate <= MAXIMUM_RATE or not 0 < self.seconds <= MAXIMUM_SECONDS:
            raise ValueError(f"a load is at most {MAXIMUM_RATE} requests/s for {MAXIMUM_SECONDS} s")

    def write(self, path: Path) -> None:
        """Keep it as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """The plan that was kept there."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**values, "mix": tuple(values["mix"])})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to be sent, and what is right for an answer."""

    operation: str
    method: str
    path: str
    status: int
    contains: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    key: str = ""
    user_id: int = 0


class Users:
    """The users of this run that nobody is at work on, by how far they have come."""

    def __init__(self, run: str) -> None:
        self._keys = (f"{run}-{number}" for number in itertools.count())
        self._created: deque[tuple[str, int]] = deque()
        self._changed: deque[tuple[str, int]] = deque()

    def new(self) -> str:
        """The key of a user who is not there yet."""
        return next(self._keys)

    def take(self, operation: str) -> tuple[str, int] | None:
        """A user to change, delete or read, for whoever asks alone; None where there is none yet."""
        if operation == CHANGE:
            return self._created.popleft() if len(self._created) > 1 else None
        if operation == DELETE:
            return self._changed.popleft() if self._changed else None
        return self._created.pop() if self._created else None

    def give_back(self, ask: Ask) -> None:
        """A user was read, or not: meanwhile nobody could take it away."""
        self._created.append((ask.key, ask.user_id))

    def settle(self, ask: Ask, answer: Answer) -> None:
        """Note that a write was acknowledged. One that was not leaves its user alone for good."""
        if ask.operation == CREATE and ask.status == 201:
            self._created.append((ask.key, int(json.loads(answer.body)["id"])))
        elif ask.operation == CHANGE:
            self._changed.append((ask.key, ask.user_id))


class Form:
    """A browser's page of the form: its cookie and the token that goes with it."""

    cookie = ""
    token = ""

    def fill(self, key: str) -> bytes:
        """The form, filled in."""
        return urlencode({**user(key, CREATED), "csrf_token": self.token}).encode()

    def take(self, answer: Answer) -> None:
        """Keep what a page with a form brings."""
        found = re.search(rb'name="csrf_token" value="([^"]+)"', answer.body)
        if found is None:
            raise ValueError(f"the page has no form: {answer.status}")
        self.token = found[1].decode()
        self.cookie = answer.headers["set-cookie"].partition(";")[0]


class Client:
    """One run of a plan."""

    def __init__(self, plan: Plan, out: TextIO) -> None:
        self._plan = plan
        self._out = out
        self._users = Users(plan.run)
        self._form = Form()
        self._idle: dict[str, deque[Connection]] = {service: deque() for service in plan.ports}
        self._kept_alive = max(plan.kept_alive // len(plan.ports), 1)
        self._kept = dict.fromkeys(plan.ports, 0)  # connections that are kept alive, idle or in use
        self._open: dict[asyncio.Task[None], tuple[int, str, float]] = {}
        self.stop = asyncio.Event()

    async def run(self) -> None:
        """Send all that is due, then wait for the answers. Raises `Failure` where web is not there at the start."""
        plan = self._plan
        if "web create" in plan.mix:
            await self._open_form()
        begin = time.monotonic()
        for number in range(int(plan.rate * plan.seconds)):
            due = begin + number / plan.rate
            if (pause := due - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            if self.stop.is_set():
                break
            self._dispatch(number, due)
        if self._open:
            await asyncio.wait(self._open, timeout=plan.timeout + 5)
        for number, what, due in self._open.values():
            service, _, operation = what.partition(" ")
            self._note(Entry(number, service, operation, False, due, due, time.monotonic(), UNFINISHED))

    def _dispatch(self, number: int, due: float) -> None:
        what = self._plan.mix[number % len(self._plan.mix)]
        # Spread evenly, and each round of the mix otherwise than the one before: every operation goes over both kinds.
        keep_alive = (number + number // len(self._plan.mix)) * 37 % 100 >= 100 * self._plan.new_share
        if len(self._open) >= self._plan.at_most:
            service, _, operation = what.partition(" ")
            self._note(Entry(number, service, operation, False, due, time.monotonic(), time.monotonic(), NOT_SENT))
            return
        task = asyncio.create_task(self._one(number, what, keep_alive, due))
        self._open[task] = (number, what, due)
        task.add_done_callback(self._open.pop)

    async def _one(self, number: int, what: str, keep_alive: bool, due: float) -> None:
        service = what.partition(" ")[0]
        ask = self._ask(what)
        sent = time.monotonic()
        answer, kind, reused = None, "", False
        try:
            async with asyncio.timeout(self._plan.timeout):
                answer, reused = await self._send(service, ask, keep_alive)
        except TimeoutError:
            kind = wire.LATE
        except Failure as failure:
            kind = failure.kind
        done = time.monotonic()
        if ask.operation == READ:
            self._users.give_back(ask)
        if answer is not None:
            if answer.status != ask.status:
                kind = str(answer.status)
            elif ask.contains not in answer.body:
                kind = "wrong body"
            else:
                self._users.settle(ask, answer)
        status, request_id = (answer.status, answer.headers.get("x-request-id", "")) if answer else (0, "")
        self._note(Entry(number, service, ask.operation, reused, due, sent, done, kind, status, ask.key, request_id))

    async def _send(self, service: str, ask: Ask, keep_alive: bool) -> tuple[Answer, bool]:
        port = self._plan.ports[service]
        idle = self._idle[service]
        connection = None
        # The one that has rested longest goes next; below the planned number another is opened.
        while keep_alive and connection is None and idle and self._kept[service] >= self._kept_alive:
            if (candidate := idle.popleft()).usable:
                connection = candidate
            else:
                candidate.close()
                self._kept[service] -= 1
        reused = connection is not None
        data = wire.request(ask.method, ask.path, port, headers=ask.headers, body=ask.body, keep_alive=keep_alive)
        if connection is None:
            connection = await Connection.open(port)
            self._kept[service] += keep_alive
        whole = False
        try:
            answer = await connection.exchange(data)
            whole = True
        finally:
            # In mid-answer, or asked to close, it is of no more use; nor is one too many, opened while all were in use:
            # with more of them each would rest longer than a client's that is at work.
            if whole and keep_alive and connection.usable and self._kept[service] <= self._kept_alive:
                idle.append(connection)
            else:
                connection.close()
                self._kept[service] -= keep_alive
        return answer, reused

    def _ask(self, what: str) -> Ask:
        """What to send next for a word of the mix; a create where there is no user yet to do it to."""
        service, _, operation = what.partition(" ")
        if service == "web":
            if operation == CREATE:
                key = self._users.new()
                headers = {**FORM, "Cookie": self._form.cookie}
                return Ask(CREATE, "POST", "/users", 303, headers=headers, body=self._form.fill(key), key=key)
            path, contains = {"hello": ("/", b"Hello, World!"), "list": ("/users", b"</html>")}[operation]
            return Ask(operation, "GET", path, 200, contains)
        token = {"Authorization": f"Bearer {self._plan.token}"} if self._plan.token else {}
        if operation == "list":
            return Ask("list", "GET", "/users?limit=20", 200, headers=token)
        found = self._users.take(operation) if operation != CREATE else None
        if found is None:
            key = self._users.new()
            body = json.dumps(user(key, CREATED)).encode()
            return Ask(CREATE, "POST", "/users", 201, headers={**token, **JSON}, body=body, key=key)
        key, user_id = found
        path = f"/users/{user_id}"
        if operation == CHANGE:
            body = json.dumps({"name": user(key, CHANGED)["name"]}).encode()
            return Ask(CHANGE, "PATCH", path, 200, headers={**token, **JSON}, body=body, key=key, user_id=user_id)
        if operation == DELETE:
            return Ask(DELETE, "DELETE", path, 204, headers=token, key=key, user_id=user_id)
        email = user(key, CREATED)["email"].encode()
        return Ask(READ, "GET", path, 200, contains=email, headers=token, key=key, user_id=user_id)

    async def _open_form(self) -> None:
        """Load the page of the form, as a browser does before it sends one."""
        port = self._plan.ports["web"]
        connection = await Connection.open(port)
        try:
            request = wire.request("GET", "/users", port, headers={}, body=None, keep_alive=False)
            async with asyncio.timeout(10):
                self._form.take(await connection.exchange(request))
        finally:
            connection.close()

    def _note(self, entry: Entry) -> None:
        self._out.write(line(entry))


async def _main(plan: Plan, path: Path) -> None:
    with path.open("w", buffering=1, encoding="utf-8") as out:
        client = Client(plan, out)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, client.stop.set)
        await client.run()


if __name__ == "__main__":
    uvloop.run(_main(Plan.read(Path(sys.argv[1])), Path(sys.argv[2])))
