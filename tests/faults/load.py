"""A load on both services while a test does harm: started, marked, ended, and held against what is stored."""

import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import oracle
from tests.faults.client import MIX, Plan
from tests.faults.ledger import Ledger

ROOT = Path(__file__).parents[2]


class Load:
    """A running load; afterwards its ledger."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.marks: list[tuple[float, str]] = []
        self.ledger = Ledger([])
        self.violations: list[str] = []
        self.restarts = 0  # of containers meanwhile, where they are known
        self._path = folder / "ledger.jsonl"
        plan.write(folder / "plan.json")
        self._errors = folder / "errors.txt"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.client", folder / "plan.json", self._path],
                cwd=ROOT,
                stderr=errors,
            )

    def mark(self, what: str) -> float:
        """Note that something happens now; the time of it."""
        self.marks.append((time.monotonic(), what))
        return self.marks[-1][0]

    def so_far(self) -> Ledger:
        """What is written down up to now."""
        return Ledger.read(self._path)

    def wait_until_running(self) -> None:
        """Wait for the first hundred answers. Raises `AssertionError` where the client ends before."""
        while not self._path.exists() or len(self.so_far()) < 100:
            assert self._process.poll() is None, self._said()
            time.sleep(0.2)

    def rest(self, seconds: float) -> None:
        """Let the load go on for a while. Raises `AssertionError` where the client has ended."""
        time.sleep(seconds)
        assert self._process.poll() is None, f"the load ended too early: {self._said()}"

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(self.plan.timeout + 15)
        finally:
            self._process.kill()
            self._process.wait()

    def finish(self) -> None:
        """End it and take its ledger. Raises `AssertionError` with what the client said where it broke."""
        self._end()
        assert self._process.returncode == 0, self._said()
        self.ledger = self.so_far()

    def _said(self) -> str:
        return self._errors.read_text(encoding="utf-8")

    def compare(self, token: str | None = None) -> None:
        """Hold the acknowledged writes against what api has now; `token` where the load's own is no longer good."""
        url = f"http://127.0.0.1:{self.plan.ports['api']}"
        stored = oracle.read(url, token or self.plan.token or None, self.plan.run)
        self.violations = oracle.violations(self.ledger, stored)

    @property
    def summary(self) -> dict[str, str]:
        """What is told of the run, in the order of the report."""
        ledger = self.ledger
        return {
            "requests": str(len(ledger)),
            "failed": str(len(ledger.failed)),
            "kinds of failure": _counted(ledger.kinds),
            "acknowledged writes": str(len(ledger.acknowledged)),
            "lost or otherwise wrong": _counted(oracle.count(self.violations)),
            "latency p50, p99, p99.9": ", ".join(
                f"{1000 * ledger.latency(share):.0f} ms" for share in (0.5, 0.99, 0.999)
            ),
            "client's own lag p99, most": ", ".join(f"{1000 * ledger.lag(share):.0f} ms" for share in (0.99, 1)),
        }


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counter.most_common()) or "none"


@contextmanager
def load(
    ports: dict[str, int], *, token: str = "", rate: float = 200, seconds: float = 300, mix: tuple[str, ...] = MIX,
    timeout: float = 5, kept_alive: int = 50, new_share: float = 0.5,
) -> Iterator[Load]:  # fmt: skip
    """A load from here to the end of the block, at most `seconds` long; the ledger is there behind the block."""
    plan = Plan(
        run=f"run-{secrets.token_hex(4)}", ports=ports, token=token, rate=rate, seconds=seconds, mix=mix,
        timeout=timeout, kept_alive=kept_alive, new_share=new_share,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="tandem-load-") as folder:
        running = Load(plan, Path(folder))
        try:
            running.wait_until_running()
            yield running
        except BaseException:
            running._end()
            raise
        running.finish()
