"""The users pages: list, add, edit, delete. They work without JavaScript.

A form that cannot be saved comes back with what was typed, whatever the reason: nothing is lost.
"""

from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, flash, redirect, request, session
from werkzeug.wrappers import Response as AnyResponse

from web.errors import RETRY_AFTER
from web.forms import UserForm
from web.http_client import Away
from web.rendering import page
from web.security import csrf
from web.users_client import Changed, Invalid, NotFound, Users, UsersClient

_EXTENSION = "tandem.users"
_FLASHED_NAME = 80  # characters
_NOT_SAVED = "The service that keeps the users does not answer at the moment. What you typed is still here: try again."
_STALE = "Somebody changed this user in the meantime. What is stored now is shown below: save again to replace it."


def register(app: Flask, client: UsersClient, *, write: bool) -> None:
    """Serve the pages; without `write` only the list."""
    app.extensions[_EXTENSION] = client
    app.jinja_env.globals["write"] = write
    pages = Blueprint("users", __name__)
    pages.add_url_rule("/users", "list", _list)
    if write:
        pages.before_request(csrf.protect)
        pages.add_url_rule("/users", "add", _add, methods=["POST"])
        pages.add_url_rule("/users/<int:user_id>/edit", "edit", _edit)
        pages.add_url_rule("/users/<int:user_id>/edit", "save", _save, methods=["POST"])
        pages.add_url_rule("/users/<int:user_id>/delete", "confirm", _confirm)
        pages.add_url_rule("/users/<int:user_id>/delete", "delete", _delete, methods=["POST"])
    app.register_blueprint(pages)


def _users() -> Users:
    client: UsersClient = current_app.extensions[_EXTENSION]
    return client.for_request()


def _list() -> Response:
    after = request.args.get("after")
    try:
        users, next_cursor = _users().page(after)
    except Invalid as error:
        faults = "; ".join(f"{field}: {fault}" for field, fault in error.faults.items())
        abort(400, f"The address does not lead to a page of users ({faults}).")
    return page("list.html", users=users, next_cursor=next_cursor, after=after, values={}, faults={})


def _add() -> AnyResponse:
    form = UserForm()
    if not form.validate():
        return _again("add.html", 422, form, faults=form.faults)
    try:
        user = _users().create(form.fields)
    except Invalid as error:
        return _again("add.html", 422, form, faults=error.faults)
    except Away:
        return _again("add.html", 503, form, notice=_NOT_SAVED)
    return _back_to_list("Added", user.name, f"/users/{user.id}/edit")


def _edit(user_id: int) -> Response:
    user, etag = _users().read(user_id)
    return page("edit.html", user_id=user_id, values=user._asdict(), etag=etag, faults={})


def _save(user_id: int) -> AnyResponse:
    form, etag = UserForm(), request.form.get("etag", "")
    kept: dict[str, Any] = {"user_id": user_id, "etag": etag}  # what the page needs beside the fields
    if not form.validate():
        return _again("edit.html", 422, form, faults=form.faults, **kept)
    users = _users()
    try:
        try:
            user = users.change(user_id, form.fields, etag)
        except Changed:
            stored, kept["etag"] = users.read(user_id)
            return _again("edit.html", 412, form, notice=_STALE, stored=stored, **kept)
    except Invalid as error:
        return _again("edit.html", 422, form, faults=error.faults, **kept)
    except Away:
        return _again("edit.html", 503, form, notice=_NOT_SAVED, **kept)
    return _back_to_list("Saved", user.name, f"/users/{user_id}/edit")


def _confirm(user_id: int) -> Response:
    user, etag = _users().read(user_id)
    return page("delete.html", user=user, etag=etag)


def _delete(user_id: int) -> AnyResponse:
    users = _users()
    try:
        users.delete(user_id, request.form.get("etag", ""))
    except Changed:
        user, etag = users.read(user_id)
        return page("delete.html", 412, user=user, etag=etag, changed=True)
    except NotFound:
        return _back_to_list("Already deleted")
    return _back_to_list("Deleted", request.form.get("name", ""))


def _again(template: str, status: int, form: UserForm, *, notice: str = "", **values: Any) -> Response:
    """The form once more, with what was typed."""
    response = page(template, status, values=form.fields, notice=notice, **{"faults": {}, **values})
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def _back_to_list(done: str, name: str = "", href: str = "") -> AnyResponse:
    """To the list, which then says what was done, once."""
    session.pop("_flashes", None)  # only the newest is of interest, and a cookie has little room
    flash({"done": done, "name": name[:_FLASHED_NAME], "href": href})  # type: ignore[arg-type]  # any JSON will do
    return redirect("/users", 303)
