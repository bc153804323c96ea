"""`make run` on a machine with Python and make, and nothing else."""

import json
import re
from pathlib import Path

import urllib3

from tests.running.conftest import running


def test_both_services_until_ctrl_c(installed: Path) -> None:
    """The greeting, the users as JSON and as a page, each line with whose it is; both leave cleanly, and all of it."""
    with running(installed) as run:
        run.wait_until_up(20)
        assert b"Hello, World!" == urllib3.request("GET", f"{run.web}/").data
        users = json.loads(urllib3.request("GET", f"{run.api}/users").data)
        assert {"Ada Lovelace", "Tim Berners-Lee"} <= {user["name"] for user in users}
        assert b"Ada Lovelace" in urllib3.request("GET", f"{run.web}/users").data
        run.press_ctrl_c()
    shown = run.output()
    assert f"{run.web}/users\n" in shown
    assert f"{run.api}/docs\n" in shown
    assert " web    | " in shown
    assert " api    | " in shown
    assert "web stopped (rc=0)" in shown
    assert "api stopped (rc=0)" in shown
    assert "Traceback" not in shown


def test_a_colour_for_each_on_a_terminal(installed: Path) -> None:
    """The two logs can be told apart at a glance."""
    with running(installed, terminal=True) as run:
        run.wait_until_up(20)
        for service in ("web", "api"):
            run.wait_until_shown(f" {service}    | ", 10)
    colours = dict(re.findall(r"\x1b\[([1-9][\d;]*)m\S+ (web|api) +\| ", run.output()))
    assert {"web", "api"} == set(colours.values()), run.output()


def test_what_is_saved_is_served(installed: Path) -> None:
    """An edit of a Python file of either service is seen without a restart."""
    edits = [
        ("web", "apps/web/hello.py", "Hello, World!", "Hello, Edit!", "/"),
        ("api", "apps/api/users/views.py", "There is no such user.", "Nobody of that number.", "/users/987654"),
    ]
    with running(installed) as run:
        run.wait_until_up(20)
        for service, file, old, new, path in edits:
            url = (run.web if service == "web" else run.api) + path
            run.wait_for(url, old, 10)
            code = (installed / file).read_text()
            (installed / file).write_text(code.replace(old, new))
            try:
                run.wait_for(url, new, 15)
            finally:
                (installed / file).write_text(code)
