"""Ask the api's WSGI application within this process: a line of stdin is a path, the answer the median nanoseconds.

Run as a program, with the service's environment: the time is the handler's and its database's, not a network's.
"""

import sys
import time
from statistics import median
from typing import Any
from wsgiref.util import setup_testing_defaults

from api.wsgi import application
from serving import logs

REPEATS = 20


def ask(path: str) -> int:
    """Nanoseconds until the whole answer of one request was there, which has to be a 200."""
    environ: dict[str, Any] = {"PATH_INFO": path.partition("?")[0], "QUERY_STRING": path.partition("?")[2]}
    environ["REMOTE_ADDR"] = environ["HTTP_HOST"] = "127.0.0.1"
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start_response(status: str, *_: Any) -> Any:
        statuses.append(status)

    begun = time.perf_counter_ns()
    answer = application(environ, start_response)
    size = sum(len(part) for part in answer)
    if close := getattr(answer, "close", None):
        close()
    took = time.perf_counter_ns() - begun
    if statuses != ["200 OK"] or size < 1000:
        raise AssertionError(f"{path}: {statuses}, {size} bytes")
    return took


if __name__ == "__main__":
    logs.configure("error", "json")
    for line in sys.stdin:
        sys.stdout.write(f"{median(ask(line.strip()) for _ in range(REPEATS)):.0f}\n")
        sys.stdout.flush()
