"""How `make test` shares the tests between processes: the tests of a file stay together, and what measures runs alone.

pytest-xdist's `--dist loadgroup` with one more meaning: the group `alone`. Its tests wait until every other test is
over, and then run one after another in the only process that is left, so that nothing disturbs their figures.
"""

from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

ALONE = "alone"


class AloneAtTheEnd(LoadGroupScheduling):
    """Hands out the groups and the files, and at the end the group `alone` to the last process."""

    def _split_scope(self, nodeid: str) -> str:
        scope = str(super()._split_scope(nodeid))
        return scope.partition("::")[0]

    def _shared(self) -> str | None:
        """The next unit that may run beside others."""
        return next((scope for scope in self.workqueue if scope != ALONE), None)

    def _assign_work_unit(self, node: WorkerController) -> None:
        scope = self._shared()
        if scope is not None:
            self.workqueue.move_to_end(scope, last=False)
        elif len(self.nodes) > 1:
            return
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        others = [other for other in self.nodes if other is not node]
        if self.workqueue and self._shared() is None and others and not node.shutting_down:
            if not all(other.shutting_down for other in others):
                node.shutdown()  # it ends what it has; another one is left for the group
            return
        super()._reschedule(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """As pytest-xdist has it; the last node that is left then gets the group."""
        crashed = super().remove_node(node)
        for other in self.nodes:
            self._reschedule(other)
        return crashed
