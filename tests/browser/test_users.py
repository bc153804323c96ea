"""The users pages as a person uses them, with JavaScript and without."""

import re
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Stage
from tests.web.faults import USERS, Behaviour, answering, hanging, reply, sending

HOSTILE_NAMES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE users_user; --",
    "' OR '1'='1",
    "{{ 7 * 7 }}{% raise %}",
    "</title></table><svg onload=alert(1)>",
    "javascript:alert(1)&lt;b&gt;",
    "\u202eevil\u202c \u200fad<!--",  # writing direction, turned around and not turned back
]
HOSTILE_EMAILS = [
    "<script>alert(1)</script>@example.org",
    "'or'1'='1'@example.org",
    '"><b>@example.org',
    "a@b;DROP TABLE",
]


def new_email() -> str:
    """An address that no user has."""
    return f"{uuid.uuid4().hex}@example.org"


def fill(page: Page, name: str, email: str) -> None:
    """Type into the form's two fields."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Email address").fill(email)


def add(page: Page, stage: Stage, name: str, email: str | None = None) -> str:
    """Add a user, by the form below the list; the path of the user's page."""
    page.goto(f"{stage.web}/users")
    fill(page, name, email or new_email())
    page.get_by_role("button", name="Add user").click()
    expect(page).to_have_url(f"{stage.web}/users")
    return page.get_by_role("status").get_by_role("link").get_attribute("href") or ""


def fault_of(page: Page, label: str) -> Locator:
    """The sentence that a field's aria-describedby leads to, which stands right above the field."""
    field = page.get_by_label(label)
    expect(field).to_have_attribute("aria-invalid", "true")
    fault = page.locator(f"#{field.get_attribute('aria-describedby')}")
    above, below = fault.bounding_box(), field.bounding_box()
    assert above is not None
    assert below is not None
    assert 0 <= below["y"] - (above["y"] + above["height"]) < 16  # pixels
    return fault


def test_list_and_paging(page: Page, stage: Stage) -> None:
    """The oldest users first, twenty a page; a link leads on and one leads back."""
    add(page, stage, "One more than a page holds")
    names = page.locator("tbody th")
    expect(names).to_have_count(20)
    assert "Ada Lovelace" == names.first.inner_text()
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"\?after=[0-9a-f]{16}$"))
    expect(page.get_by_role("rowheader", name="One more than a page holds").first).to_be_visible()
    page.get_by_role("link", name="First page").click()
    assert "Ada Lovelace" == names.first.inner_text()


def test_add_edit_delete(page: Page, stage: Stage) -> None:
    """Each step says what was done, once; deleting asks first, and that can be cancelled."""
    path = add(page, stage, "Katherine Johnson")
    expect(page.get_by_role("status")).to_have_text("Added: Katherine Johnson.")
    page.reload()
    expect(page.get_by_role("status")).to_have_count(0)

    page.goto(stage.web + path)
    email = page.get_by_label("Email address").input_value()
    fill(page, "Katherine Goble", email)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved: Katherine Goble.")
    page.get_by_role("status").get_by_role("link").click()
    expect(page.get_by_label("Name")).to_have_value("Katherine Goble")

    page.get_by_role("link", name="Delete this user").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete this user?")
    expect(page.get_by_role("definition").nth(1)).to_have_text(email)
    page.get_by_role("link", name="Cancel").click()
    page.goto(stage.web + path)
    page.get_by_role("link", name="Delete this user").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_have_text("Deleted: Katherine Goble.")
    answer = page.goto(stage.web + path)
    assert answer is not None
    assert 404 == answer.status


@pytest.mark.parametrize(
    ("name", "email", "at_fault"),
    [
        ("", "ada@example.org", {"Name": "Enter a name."}),
        ("  ", "no address", {"Name": "Enter a name.", "Email address": "Enter an email address, like"}),
        ("Ada", "", {"Email address": "Enter an email address."}),
        ("Ada", "ADA@EXAMPLE.ORG", {"Email address": "nother user has this email address"}),
    ],
)
def test_faults_beside_their_fields(page: Page, stage: Stage, name: str, email: str, at_fault: dict[str, str]) -> None:
    """Each fault stands beside its field and is tied to it; the summary, in focus, leads there; nothing is lost."""
    page.goto(f"{stage.web}/users")
    fill(page, name, email)
    page.get_by_role("button", name="Add user").click()
    expect(page).to_have_title(re.compile("^Error: "))
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(len(at_fault))
    for label, sentence in at_fault.items():
        expect(fault_of(page, label)).to_contain_text(sentence)
    summary.get_by_role("link").first.click()
    expect(page.get_by_label(next(iter(at_fault)))).to_be_focused()
    expect(page.get_by_label("Email address")).to_have_value(email)
    for label in {"Name", "Email address"} - set(at_fault):
        assert page.get_by_label(label).get_attribute("aria-invalid") is None


def test_faults_of_an_edit(page: Page, stage: Stage) -> None:
    """The same on a user's own page, and the mended form is saved."""
    page.goto(stage.web + add(page, stage, "Grace Hopper"))
    email = page.get_by_label("Email address").input_value()
    fill(page, "", "ada@example.org")
    page.get_by_role("button", name="Save").click()
    expect(fault_of(page, "Name")).to_have_text("Enter a name.")
    fill(page, "Grace Brewster", "ada@example.org")
    page.get_by_role("button", name="Save").click()
    expect(fault_of(page, "Email address")).to_contain_text("nother user has this email address")
    fill(page, "Grace Brewster", email)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved: Grace Brewster.")


def test_somebody_else_was_faster(page: Page, stage: Stage) -> None:
    """A stale form overwrites nothing at once: what is stored by now is shown beside what was typed."""
    path = add(page, stage, "Mary Jackson")
    page.goto(stage.web + path)
    other = page.context.new_page()
    other.goto(stage.web + path)
    other.get_by_label("Name").fill("Mary Winston")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("status")).to_have_text("Saved: Mary Winston.")
    page.get_by_label("Name").fill("Mary W. Jackson")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this user")
    expect(page.get_by_label("Name")).to_have_value("Mary W. Jackson")
    expect(page.locator("#name-stored")).to_have_text("Stored now: Mary Winston")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved: Mary W. Jackson.")
    other.close()


def test_no_users_yet(page: Page, stage: Stage) -> None:
    """An empty list says so, and has the form to add the first."""
    stage.faults.behave = answering(200, [])
    page.goto(f"{stage.troubled}/users")
    expect(page.get_by_text("There are no users yet. Add the first one below.")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)
    expect(page.get_by_role("button", name="Add user")).to_be_visible()


@pytest.mark.parametrize("behaviour", [hanging, sending(reply(200, b"[{}]")[:-1])], ids=["hanging", "half a body"])
def test_api_is_away(page: Page, stage: Stage, behaviour: Behaviour) -> None:
    """A page that a person can read, whose link works as soon as api is back; the greeting never noticed."""
    stage.faults.behave = behaviour
    answer = page.goto(f"{stage.troubled}/users")
    assert answer is not None
    assert (503, "2") == (answer.status, answer.headers["retry-after"])
    expect(page.get_by_role("heading", level=1)).to_have_text("The users are away for a moment")
    page.goto(f"{stage.troubled}/")
    expect(page.locator("body")).to_have_text("Hello, World!")
    page.go_back()
    stage.faults.behave = USERS
    page.wait_for_timeout(1100)  # milliseconds: the breaker may be open, and half-opens after one second
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("rowheader", name="Ada Lovelace")).to_be_visible()


def test_nothing_typed_is_lost_while_api_is_away(page: Page, stage: Stage) -> None:
    """The form comes back with what was in it, and says that it was not saved."""
    stage.faults.behave = USERS
    page.goto(f"{stage.troubled}/users")
    fill(page, "Dorothy Vaughan", "dorothy@example.net")
    stage.faults.behave = answering(500, {})
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_role("alert")).to_contain_text("does not answer at the moment")
    expect(page.get_by_label("Name")).to_have_value("Dorothy Vaughan")
    expect(page.get_by_label("Email address")).to_have_value("dorothy@example.net")
    stage.faults.behave = USERS


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_text(scripted: Page, stage: Stage, name: str) -> None:
    """Markup, SQL and templates are a name like any other: in the message, the form, the list, the confirmation."""
    page = scripted
    path = add(page, stage, name)
    expect(page.get_by_role("status").get_by_role("link")).to_have_text(name)
    page.goto(stage.web + path)
    expect(page.get_by_label("Name")).to_have_value(name)
    page.get_by_role("link", name="Delete this user").click()
    expect(page.get_by_role("definition").first).to_have_text(name)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_have_text(f"Deleted: {name}.")
    assert 0 == page.locator("main script, main img, main svg").count()


@pytest.mark.parametrize("email", HOSTILE_EMAILS)
def test_hostile_emails_are_text(scripted: Page, stage: Stage, email: str) -> None:
    """They are refused beside their field, or shown in the list as they are."""
    page = scripted
    page.goto(f"{stage.web}/users")
    fill(page, "Mallory", email)
    page.get_by_role("button", name="Add user").click()
    if page.get_by_role("status").count():
        page.goto(stage.web + (page.get_by_role("status").get_by_role("link").get_attribute("href") or ""))
        expect(page.get_by_label("Email address")).to_have_value(email)
        page.get_by_role("link", name="Delete this user").click()
        expect(page.get_by_role("definition").nth(1)).to_have_text(email)
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("status")).to_have_text("Deleted: Mallory.")
    else:
        expect(fault_of(page, "Email address")).to_be_visible()
        expect(page.get_by_label("Email address")).to_have_value(email)


@pytest.mark.parametrize("cursor", ["<script>alert(1)</script>", "' OR 1=1 --", '"><img src=x onerror=alert(1)>'])
def test_hostile_addresses(scripted: Page, stage: Stage, cursor: str) -> None:
    """A forged cursor gets a page that explains it, and nothing of it comes to life."""
    page = scripted
    answer = page.goto(f"{stage.web}/users?after={cursor}")
    assert answer is not None
    assert 400 == answer.status
    expect(page.get_by_role("heading", level=1)).to_have_text("Bad Request")
    assert 0 == page.locator("main script, main img").count()
