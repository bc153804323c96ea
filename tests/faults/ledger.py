"""What was sent, what came back, and when: one line a request, and what can be counted from them."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

CREATE, CHANGE, DELETE = "create", "change", "delete"
WRITES = (CREATE, CHANGE, DELETE)
NOT_SENT = "not sent"  # the client had too many requests open already
UNFINISHED = "unfinished"  # the client was ended while it waited


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. Times are `time.monotonic()` seconds, which all processes of a machine share.

    `due` is when it had to be sent, `sent` when it was, `done` when the answer was complete or given up. `kind` is
    empty for a right answer, else says how it failed: a word of `wire`, or the status. `key` is what a write was about.
    """

    number: int
    service: str
    operation: str
    reused: bool  # the connection had served before
    due: float
    sent: float
    done: float
    kind: str
    status: int = 0
    key: str = ""
    request_id: str = ""

    @property
    def ok(self) -> bool:
        """Whether the right answer came."""
        return not self.kind

    @property
    def latency(self) -> float:
        """Seconds from the moment at which the request was due, so that a client that waits hides nothing."""
        return self.done - self.due

    @property
    def lag(self) -> float:
        """Seconds by which the client itself was late to send."""
        return self.sent - self.due


class Ledger:
    """The entries of one run, in the order in which they were due."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = sorted(entries, key=lambda entry: entry.number)

    @classmethod
    def read(cls, path: Path) -> "Ledger":
        """The ledger that a client has written. A line that was cut off by its end is left out."""
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        return cls(Entry(**json.loads(line)) for line in lines if line.endswith("\n"))

    def where(self, holds: Callable[[Entry], bool]) -> "Ledger":
        """The entries for which it holds."""
        return Ledger(filter(holds, self.entries))

    def between(self, begin: float, end: float = float("inf")) -> "Ledger":
        """The entries that were due from `begin` until before `end`."""
        return self.where(lambda entry: begin <= entry.due < end)

    def of(self, service: str) -> "Ledger":
        """The entries of one service."""
        return self.where(lambda entry: entry.service == service)

    @property
    def failed(self) -> list[Entry]:
        """What got no right answer."""
        return [entry for entry in self.entries if not entry.ok]

    @property
    def kinds(self) -> Counter[str]:
        """How often each kind of failure happened, as "service kind"."""
        return Counter(f"{entry.service} {entry.kind}" for entry in self.failed)

    @property
    def acknowledged(self) -> list[Entry]:
        """The writes that were answered as done."""
        return [entry for entry in self.entries if entry.ok and entry.operation in WRITES]

    def latency(self, share: float) -> float:
        """The latency, in seconds, below which that share of the right answers stayed."""
        return _quantile([entry.latency for entry in self.entries if entry.ok], share)

    def lag(self, share: float) -> float:
        """The client's own lateness, in seconds, below which that share of the requests stayed."""
        return _quantile([entry.lag for entry in self.entries], share)

    def __len__(self) -> int:
        return len(self.entries)


def line(entry: Entry) -> str:
    """An entry as a line of JSON."""
    return json.dumps(asdict(entry)) + "\n"


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
