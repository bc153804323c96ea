"""``/livez``, ``/readyz`` and ``/version``: answered before the framework, whatever the Host header, and not logged.

The two probes mean what Kubernetes means by them
(https://kubernetes.io/docs/concepts/workloads/pods/probes/): liveness asks nothing but this process, readiness asks
what this service itself needs, and never another service.
"""

from collections.abc import Callable, Mapping

import orjson

from serving.logs import log
from serving.version import revision, version

# A check answers with the reason why the service cannot serve, or None when it can. It must not block for long.
Check = Callable[[], str | None]
Answer = tuple[str, bytes]
ALIVE = b'{"status":"ok"}'


class Health:
    """The three documents of one service."""

    def __init__(self, service: str, checks: Mapping[str, Check]) -> None:
        self._service = service
        self._checks = checks
        self._failing: dict[str, str] = {}

    def answer(self, path: str) -> Answer | None:
        """The status line and JSON body for a health path, or None for every other path."""
        if path == "/livez":
            return "200 OK", ALIVE
        if path == "/readyz":
            return self._readiness()
        if path == "/version":
            names = {"service": self._service, "version": version(), "revision": revision()}
            return "200 OK", orjson.dumps(names)
        return None

    def _readiness(self) -> Answer:
        failing = {name: reason for name, check in self._checks.items() if (reason := check()) is not None}
        if failing != self._failing:  # a change is worth a line, each probe is not
            self._failing = failing
            log.warning("not ready" if failing else "ready", checks=failing)
        status = "503 Service Unavailable" if failing else "200 OK"
        checks = {name: failing.get(name, "ok") for name in self._checks}
        return status, orjson.dumps({"status": "unavailable" if failing else "ok", "checks": checks})
