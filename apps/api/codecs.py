"""JSON in and out, by orjson: it refuses what is not JSON (NaN, lone surrogates, invalid UTF-8)."""

from typing import Any

import orjson
from django.http import HttpRequest
from ninja.parser import Parser
from ninja.renderers import BaseRenderer

from api.problems import Problem

JSON = "application/json"


def dumps(data: Any) -> bytes:
    """JSON with times as RFC 3339 in UTC, written with a Z. SQLite's driver gives times in UTC without saying so."""
    return orjson.dumps(data, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)


class JSONParser(Parser):
    """Request bodies. Raises `Problem` 415 for another media type and 400 for malformed JSON."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The decoded body."""
        if request.content_type != JSON:
            raise Problem(415, f"The body has to be {JSON}.", headers={"Accept": JSON})
        try:
            return orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise Problem(400, f"The body is not JSON: line {error.lineno}, column {error.colno}.") from error


class JSONRenderer(BaseRenderer):
    """Response bodies."""

    media_type = JSON

    def render(self, _request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        """The encoded body."""
        return dumps(data)
