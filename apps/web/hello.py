"""The first page: the greeting, and nothing that costs."""

from flask import Flask


def register(app: Flask) -> None:
    """Serve the greeting at ``/``."""
    app.add_url_rule("/", "hello", lambda: "Hello, World!")
