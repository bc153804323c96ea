"""What every request passes on its way to a view."""

from collections.abc import Callable

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from api.problems import Problem, away
from serving.context import current_request
from serving.settings import BODY_LIMIT
from serving.wsgi import ROUTE

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def gate(get_response: GetResponse) -> GetResponse:
    """What holds for every request: known hosts, bounded bodies, HEAD wherever there is GET, and common headers."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_LIMIT:
            response: HttpResponseBase = Problem(413, f"A body may have at most {BODY_LIMIT} bytes.").response()
        else:
            request.get_host()  # raises DisallowedHost: nothing else here would look at it
            if request.method == "HEAD":
                request.method = "GET"  # serving.wsgi leaves the content out (RFC 9110, 9.3.2)
            response = get_response(request)
            if request.resolver_match is not None:
                request.META[ROUTE] = "/" + request.resolver_match.route
        if response.status_code == 405:
            response = _method_not_allowed(response["Allow"])
        if isinstance(response, HttpResponse) and response.status_code not in (204, 304):  # RFC 9110, 8.6
            response.headers.setdefault("Content-Length", str(len(response.content)))
        response.headers["X-Content-Type-Options"] = "nosniff"
        if "Cache-Control" not in response.headers:
            # Users are personal data: no shared cache, and a private one has to ask with If-None-Match.
            response.headers["Cache-Control"] = "private, no-cache"
        return response

    return middleware


def _method_not_allowed(allow: str) -> HttpResponse:
    methods = [method.strip() for method in allow.split(",")]
    if "GET" in methods:
        methods.append("HEAD")
    allowed = ", ".join(sorted(methods))
    return Problem(405, f"This address answers to {allowed}.", headers={"Allow": allowed}).response()


def deadline(get_response: GetResponse) -> GetResponse:
    """Do not work on for a caller that has stopped waiting (``X-Request-Timeout``).

    PostgreSQL's statements are already bounded by STATEMENT_TIMEOUT; a caller that waits less lowers that for its own.
    SQLite has no such setting, and its statements take far less.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        context = current_request.get()
        left = context.seconds_left() if context else None
        if left is None:
            return get_response(request)
        if left <= 0:
            return away("The time that X-Request-Timeout gave had passed before the work began.").response()
        if connection.vendor != "postgresql" or left >= settings.STATEMENT_TIMEOUT:
            return get_response(request)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(max(int(left * 1000), 1))])
            return get_response(request)

    return middleware
