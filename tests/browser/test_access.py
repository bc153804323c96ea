"""Every page, whatever the eyes, the hands and the screen of who uses it (WCAG 2.2, level AA)."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Stage
from tests.web.faults import ADA, Request, answering

MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
LONG = "Wolfeschlegelsteinhausenbergerdorff" * 5  # 175 characters without a place to break


def _list(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.web}/users")
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()


def _long_names(page: Page, stage: Stage) -> None:
    user = {**ADA, "name": LONG, "email": f"{LONG[:60]}@{LONG[:60]}.example.org"}
    stage.faults.behave = answering(200, [user], 'Link: </users?after=1>; rel="next"')
    page.goto(f"{stage.troubled}/users")
    expect(page.get_by_role("link", name=LONG)).to_be_visible()


def _empty(page: Page, stage: Stage) -> None:
    stage.faults.behave = answering(200, [])
    page.goto(f"{stage.troubled}/users")
    expect(page.get_by_text("There are no users yet.")).to_be_visible()


def _behind_the_end(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.web}/users?after={2**62:016x}")
    expect(page.get_by_text("There are no users behind this point")).to_be_visible()


def _faults(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.web}/users")
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_role("alert").get_by_role("link")).to_have_count(2)


def _flash(page: Page, stage: Stage) -> None:
    _edit(page, stage)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved: Ada Lovelace.")


def _edit(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.web}/users/1/edit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Edit a user")


def _stale(connection: socket.socket, request: Request) -> None:
    reply = answering(200, ADA, 'ETag: "1.2"') if request.method == "GET" else answering(412, {})
    reply(connection, request)


def _stale_edit(page: Page, stage: Stage) -> None:
    stage.faults.behave = _stale
    page.goto(f"{stage.troubled}/users/1/edit")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Stored now:").first).to_be_visible()


def _delete(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.web}/users/1/delete")
    expect(page.get_by_role("button", name="Delete")).to_be_visible()


def _stale_delete(page: Page, stage: Stage) -> None:
    stage.faults.behave = _stale
    page.goto(f"{stage.troubled}/users/1/delete")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was deleted yet")


def _away(page: Page, stage: Stage) -> None:
    stage.faults.behave = answering(500, {})
    page.goto(f"{stage.troubled}/users")
    expect(page.get_by_role("link", name="Try again")).to_be_visible()


def _not_found(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.web}/nothing")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not Found")


def _forged(page: Page, stage: Stage) -> None:
    _list(page, stage)
    page.context.clear_cookies()
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The form is no longer valid")


def _api_docs(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api}/docs")
    expect(page.get_by_role("heading", name="POST /users")).to_be_visible()


PAGES = [
    _list,
    _long_names,
    _empty,
    _behind_the_end,
    _faults,
    _flash,
    _edit,
    _stale_edit,
    _delete,
    _stale_delete,
    _away,
    _not_found,
    _forged,
    _api_docs,
]


@pytest.mark.parametrize("show", PAGES, ids=[show.__name__.strip("_") for show in PAGES])
def test_every_page(scripted: Page, stage: Stage, show: Callable[[Page, Stage], None]) -> None:
    """Its language, landmarks and labels are there; it fits a phone, and its text can be read in light and in dark."""
    page = scripted
    show(page, stage)
    assert "en" == page.locator("html").get_attribute("lang")
    assert page.title()
    for role in ("main", "h1"):
        assert 1 == page.locator(role).count(), role
    for field in page.locator("input:not([type=hidden])").all():
        assert field.evaluate("field => field.labels.length === 1 && field.labels[0].innerText.trim() !== ''")
    duplicates = (
        "() => [...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) < i)"
    )
    assert [] == page.evaluate(duplicates)

    for width in (375, 320, 1280):  # pixels; 320 is what 1280 become at a zoom of 400 % (1.4.10)
        page.set_viewport_size({"width": width, "height": 700})
        assert width >= page.evaluate("document.documentElement.scrollWidth")
        for control in page.get_by_role("button").or_(page.locator("input:not([type=hidden])")).all():
            assert 24 <= (control.bounding_box() or {"height": 0})["height"]  # pixels (2.5.8)

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        shown = page.evaluate(MEASURE)
        assert (scheme == "dark") == (shown["ground"] < 0.1)
        assert shown["measured"]
        assert [] == [one for one in shown["measured"] if one["contrast"] < one["least"]]
    page.emulate_media(color_scheme="light")


def focused(page: Page) -> Locator:
    """What has the focus."""
    return page.locator(":focus")


def assert_visible_focus(page: Page) -> None:
    """The focus is within the window, and an outline of three pixels shows where it is."""
    expect(focused(page)).to_be_in_viewport()
    style = "e => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth] }"
    assert ["solid", "3px"] == focused(page).evaluate(style)


def test_keyboard_only(page: Page, stage: Stage) -> None:
    """The focus goes down the page in the order that is read, always seen, and Enter sends a form."""
    page.goto(f"{stage.web}/users/1/edit")
    order = []
    for _ in range(7):
        page.keyboard.press("Tab")
        assert_visible_focus(page)
        order.append(focused(page).inner_text() or focused(page).get_attribute("name"))
    assert [
        "Skip to the content",
        "Tandem",
        "name",
        "email",
        "Save",
        "Cancel",
        "Delete this user",
    ] == order
    for _ in range(4):
        page.keyboard.press("Shift+Tab")
    assert "name" == focused(page).get_attribute("name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Saved: Ada Lovelace.")


def test_skip_link(page: Page, stage: Stage) -> None:
    """The first press of Tab offers to skip what every page begins with."""
    page.goto(f"{stage.web}/users")
    page.keyboard.press("Tab")
    expect(focused(page)).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(focused(page)).to_have_text("Ada Lovelace")


def test_faults_by_keyboard(page: Page, stage: Stage) -> None:
    """After a refused form, the summary has the focus, and each of its links leads into the field at fault."""
    page.goto(f"{stage.web}/users/1/edit")
    page.get_by_label("Email address").fill("")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    expect(focused(page)).to_have_text("Enter an email address.")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Email address")).to_be_focused()
    page.keyboard.type("ada@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Saved: Ada Lovelace.")
