"""Every error is a page that a person can read."""

from http import HTTPStatus

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as PageNotFound

from web.http_client import Away
from web.rendering import page
from web.users_client import NotFound

RETRY_AFTER = "2"  # seconds: by then a service that is back is being asked again

_EXPLANATIONS = {
    400: "The address or what was sent with it cannot be understood.",
    404: "There is no such page, or no such user any more.",
    405: "This address does not take that kind of request.",
    413: "What was sent is too large: 64 KiB are the most that is taken.",
    500: "Something went wrong here. It has been logged, and trying again later may help.",
}


def register(app: Flask) -> None:
    """Answer every error with a page."""
    app.register_error_handler(Away, _away)
    app.register_error_handler(NotFound, lambda _error: _http(PageNotFound()))
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)


def _away(_error: Away) -> Response:
    response = page("away.html", 503, again=request.full_path.rstrip("?") if request.method == "GET" else None)
    response.headers["Retry-After"] = RETRY_AFTER
    return response


def _csrf(_error: CSRFError) -> Response:
    return page("csrf.html", 400)


def _http(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or 500)
    if error.response is not None or status < 400:  # a redirect that routing asks for
        return error.get_response()  # type: ignore[return-value]
    # A sentence of our own, from abort(), comes before the one for every error of that status.
    own = error.description if error.description != type(error).description else None
    explanation = own or _EXPLANATIONS.get(status, error.description)
    response = page("error.html", status, title=status.phrase, explanation=explanation)
    # Such as Allow; the content's own headers are the page's.
    response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return response
