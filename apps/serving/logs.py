"""Structured logs: one JSON object a line on stdout, or readable text for a person.

What libraries log through the standard module takes the same way out, so that no line ever has another shape.
Nothing personal is logged: no bodies, no emails, no tokens, no query strings.

Own code, because it is little: structlog brings 50 modules to each start of web, asyncio among them, and a record of
the standard library costs a request more time than its two metrics.
"""

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson

from serving.context import current_request

_COLOURS = {"warning": "\033[33m", "error": "\033[31m", "critical": "\033[31m"}  # of a terminal
_PLAIN = "\033[0m"


class Log:
    """The log of this process: events, and the fields that say more about each. Until `configure` text, and no info."""

    level = logging.WARNING
    as_json = False

    def info(self, event: str, **fields: Any) -> None:
        """What happens all the time."""
        if self.level <= logging.INFO:
            self.write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """What somebody may want to know."""
        if self.level <= logging.WARNING:
            self.write("warning", event, fields)

    def error(self, event: str, error: BaseException | None = None, **fields: Any) -> None:
        """What somebody has to mend, with the traceback of `error`."""
        self.write("error", event, fields, error)

    def write(self, level: str, event: str, fields: dict[str, Any], error: BaseException | None = None) -> None:
        """One line, tied to the request in whose course it is written; the values of variables are in no traceback."""
        line = {"time": datetime.now(UTC), "level": level, "event": event, **fields}
        if (request := current_request.get()) is not None:
            line["request_id"] = request.request_id
            line["trace_id"] = request.trace_id
        if error is not None:
            line["exception"] = "".join(traceback.format_exception(error)).rstrip()
        text = orjson.dumps(line, default=repr, option=orjson.OPT_UTC_Z) if self.as_json else _readable(line)
        out = sys.stdout.buffer
        out.write(text + b"\n")  # in one piece, since other threads write too
        out.flush()


log = Log()


def _readable(line: dict[str, Any]) -> bytes:
    time, level, event, exception = (line.pop(name, "") for name in ("time", "level", "event", "exception"))
    colour, plain = (_COLOURS.get(level, ""), _PLAIN) if sys.stdout.isatty() else ("", "")
    fields = "".join(f" {name}={value}" for name, value in line.items())
    text = f"{time:%Y-%m-%dT%H:%M:%S.%fZ} [{colour}{level:<8}{plain}] {event}{fields}"
    return "\n".join(filter(None, (text, exception))).encode(errors="backslashreplace")


class _FromLibraries(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log.write(record.levelname.lower(), record.getMessage(), {"logger": record.name}, error)


def configure(level: str, log_format: str) -> None:
    """Send every log line of this process to stdout, from `level` up, as ``json`` or ``text``."""
    log.level = logging.getLevelNamesMapping()[level.upper()]
    log.as_json = log_format == "json"
    logging.basicConfig(handlers=[_FromLibraries()], level=log.level, force=True)
    logging.captureWarnings(True)
    # What these say is in the request's own line, or in the error's: a retry, a client's mistake, an answer of 5xx.
    for name in ("urllib3", "django.request", "django.security"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
