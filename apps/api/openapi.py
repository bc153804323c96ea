"""The OpenAPI document that the code itself generates, and a page to read it without any outside asset."""

from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from api.problems import CONTENT_TYPE

View = Callable[[HttpRequest], HttpResponse]
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@cache
def schema(api: NinjaAPI) -> dict[str, Any]:
    """django-ninja's document, with errors under the media type that they really have."""
    document: dict[str, Any] = orjson.loads(orjson.dumps(api.get_openapi_schema(), option=orjson.OPT_NON_STR_KEYS))
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status[0] in "45" and "content" in response:
                    response["content"] = {CONTENT_TYPE: response["content"].pop("application/json")}
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
