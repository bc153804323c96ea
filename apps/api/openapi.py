"""The OpenAPI document that the code itself generates, and a page to read it without any outside asset."""

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from pydantic import BaseModel

from api.problems import CONTENT_TYPE

View = Callable[[HttpRequest], HttpResponse]
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Problem(BaseModel):
    """A problem document (RFC 9457); `errors` names each field's fault."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] = []


def problem_response(status: int) -> dict[str, Any]:
    """How the schema describes an error's answer."""
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


@cache
def schema(api: NinjaAPI) -> dict[str, Any]:
    """django-ninja's document, and the shape of the errors."""
    document: dict[str, Any] = orjson.loads(orjson.dumps(api.get_openapi_schema(), option=orjson.OPT_NON_STR_KEYS))
    document["components"]["schemas"]["Problem"] = Problem.model_json_schema(mode="serialization")
    return document


def document(api: NinjaAPI) -> View:
    """The view for ``/openapi.json``."""

    @require_safe
    def openapi_document(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(orjson.dumps(schema(api)), content_type="application/json")

    return openapi_document


def page(api: NinjaAPI) -> View:
    """The view for ``/docs``."""

    @require_safe
    def docs(request: HttpRequest) -> HttpResponse:
        response = render(request, "api/docs.html", {"schema": schema(api), "operations": list(_operations(api))})
        response.headers["Content-Security-Policy"] = _PAGE_POLICY
        return response

    return docs


def _operations(api: NinjaAPI) -> Any:
    """Each operation as the page shows it."""
    for path, operations in schema(api)["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {})
            yield {
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "description": operation.get("description", ""),
                "parameters": operation.get("parameters", []),
                "body": [_name(media) for media in body.values()],
                "responses": operation["responses"],
            }


def _name(media: dict[str, Any]) -> str:
    reference: str = media["schema"].get("$ref", "")
    return reference.rpartition("/")[2]
