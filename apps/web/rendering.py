"""Pages from templates, each with the headers that every page has.

Templates write their few addresses out: building twenty of them by url_for costs more than the rest of the page, and
an error page must not depend on a request that could be matched.
"""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template

from web.forms import EMAIL_LENGTH, NAME_LENGTH
from web.security import HEADERS

_YEAR = 365 * 24 * 3600  # seconds


def prepare(app: Flask) -> None:
    """Give the templates what all of them use; the assets' addresses carry their content's hash, so they never age."""
    static = Path(app.root_path, "static")
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = _YEAR
    app.jinja_env.globals.update(
        style_css=_address(static / "style.css"),
        icon_svg=_address(static / "icon.svg"),
        NAME_LENGTH=NAME_LENGTH,
        EMAIL_LENGTH=EMAIL_LENGTH,
    )
    # Asked for by browsers that were shown a page without markup, such as the greeting.
    app.add_url_rule("/favicon.ico", "icon", lambda: app.send_static_file("icon.svg"))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _address(path: Path) -> str:
    return f"/static/{path.name}?v={hashlib.blake2b(path.read_bytes(), digest_size=6).hexdigest()}"


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page of HTML."""
    return Response(render_template(template, **values), status, HEADERS)
