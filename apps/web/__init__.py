"""The users pages: a Flask service whose only neighbour is the api service."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from web.config import WebSettings


def create_app(settings: "WebSettings") -> "Flask":
    """The Flask application for these settings. It asks nothing of api until a page needs it."""
    # `python -m web` imports this package before the metrics know their folder, and these modules import the metrics.
    from flask import Flask

    from web import errors, hello, pages, rendering, security
    from web.users_client import UsersClient

    app = Flask(__name__)
    security.protect(app, settings)
    rendering.prepare(app)
    errors.register(app)
    hello.register(app)
    if settings.users_pages != "off":
        pages.register(app, UsersClient(settings), write=settings.users_pages == "write")
    return app
