"""How `make test` shares the tests between processes: a file's tests stay together, and what measures runs alone.

The files below wait until every other test is over; then they run one after another, in this order, in the only process
that is left, so that nothing disturbs their figures. It is one session all the same, with one closing line and one exit
status.
"""

from pathlib import Path

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ALONE = "alone "
# Their figures are times, a share of memory, or what becomes of a fixed load.
MEASURING = (
    "tests/api/test_outage_load.py",
    "tests/api/test_paging_speed.py",
    "tests/running/test_start_time.py",
    "tests/serving/test_memory.py",
    "tests/serving/test_shutdown.py",
    "tests/web/test_outages.py",
    "tests/web/test_users_client.py",
    "tests/witness/test_ledger.py::test_a_stalled_server_hides_nothing",
    # Fixed ports, or all that the machine has. Last, because the disk is at work for a while after an image is built.
    "tests/compose/",
    "tests/images/",
    "tests/skaffold/test_loop.py",
)
# The files of such a folder share what is dear to make: services, an installed environment.
TOGETHER = ("tests/contract/", "tests/running/")
# What lasts long begins early, so that at the end of the shared part no process waits for another.
EARLY = (
    "tests/running/",
    "tests/serving/test_slow_clients.py",
    "tests/browser/",
    "tests/contract/",
    "tests/api/",
    "tests/witness/",
    "tests/bench/",
    "tests/docs/",
)

ROOT = Path(__file__).parents[1]
if missing := [place for place in MEASURING + TOGETHER + EARLY if not (ROOT / place.partition("::")[0]).exists()]:
    raise FileNotFoundError(f"tests/parallel.py names what is not there: {', '.join(missing)}")


def _turn(scope: str) -> int:
    return next((turn for turn, start in enumerate(EARLY) if scope.startswith(start)), len(EARLY))


class AloneAtTheEnd(LoadFileScheduling):  # type: ignore[misc] # it is Any to mypy
    """Hands out the files, and at the end those that measure, one after another, to the last process."""

    def _split_scope(self, nodeid: str) -> str:
        for turn, start in enumerate(MEASURING):
            if nodeid.startswith(start):
                return f"{ALONE}{turn:02}"
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), str(super()._split_scope(nodeid)))

    def _shared(self) -> str | None:
        """The next unit that may run beside others."""
        units = [scope for scope in self.workqueue if not scope.startswith(ALONE)]
        return min(units, key=_turn, default=None)

    def _assign_work_unit(self, node: WorkerController) -> None:
        scope = self._shared()
        if scope is None and len(self.nodes) > 1:
            return
        self.workqueue.move_to_end(scope or min(self.workqueue), last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        others = [other for other in self.nodes if other is not node]
        if self.workqueue and self._shared() is None and others and not node.shutting_down:
            if not all(other.shutting_down for other in others):
                node.shutdown()  # it ends what it has; another one is left for those that measure
            return
        super()._reschedule(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """As pytest-xdist has it; the last node that is left then gets those that measure."""
        crashed: str | None = super().remove_node(node)
        for other in self.nodes:
            self._reschedule(other)
        return crashed
