"""How soon `make run` serves."""

import time
from pathlib import Path

import urllib3

from tests.running.conftest import KEPT, running


def test_a_later_start_is_quick_and_keeps_the_data(installed: Path) -> None:
    """Under five seconds from the command to two services that answer, with what the first run left."""
    begun = time.monotonic()
    with running(installed) as run:
        run.wait_until_up(20)
        took = time.monotonic() - begun
        assert KEPT["name"] in [user["name"] for user in urllib3.request("GET", f"{run.api}/users").json()]
    assert took < 5
