"""Structured logs by structlog: one JSON object a line on stdout, or readable text for a person.

What libraries log through the standard module takes the same way out, so that no line ever has another shape.
Nothing personal is logged: no bodies, no emails, no tokens, no query strings.
"""

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from serving.context import current_request

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def _add_request(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Tie a line to the request in whose course it was written."""
    if (request := current_request.get()) is not None:
        event.setdefault("request_id", request.request_id)
        event.setdefault("trace_id", request.trace_id)
    return event


_SHARED: list[Processor] = [
    _add_request,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
]


def _json(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    """One line of JSON, its first fields the ones a reader looks for."""
    head = {"time": event.pop("time"), "level": event.pop("level"), "event": event.pop("event")}
    return orjson.dumps({**head, **event}, default=repr)


def configure(level: str, log_format: str) -> None:
    """Send every log line of this process to stdout, from `level` up, as ``json`` or ``text``."""
    renderers: list[Processor]
    if log_format == "json":
        renderers = [structlog.processors.format_exc_info, _json]
        factory: Any = structlog.BytesLoggerFactory(sys.stdout.buffer)
    else:
        renderers = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(),
                timestamp_key="time",
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,  # rich's would show every local variable
            )
        ]
        factory = structlog.WriteLoggerFactory(sys.stdout)
    structlog.configure(
        processors=[*_SHARED, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderers[:-1],
                _as_text(renderers[-1]),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(True)
    # What these say is in the request's own line, or in the error's: a retry, a client's mistake, an answer of 5xx.
    for name in ("urllib3", "django.request", "django.security"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _as_text(renderer: Processor) -> Processor:
    """The standard library writes text, so its lines are decoded."""

    def render(logger: WrappedLogger, name: str, event: EventDict) -> str:
        line = renderer(logger, name, event)
        return line.decode() if isinstance(line, bytes) else str(line)

    return render
