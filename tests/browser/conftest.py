"""Debian's Chromium in front of the real services, and a witness who objects to whatever a user should never meet."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, Response, sync_playwright

from tests.once import Once
from tests.requirements import require_program
from tests.services import running
from tests.web.faults import FaultServer, fault_server

PATIENCE = 10_000  # milliseconds


@dataclass
class Stage:
    """Where web and api answer, and a web whose api misbehaves as a test says."""

    web: str
    api: str
    troubled: str
    faults: FaultServer


@pytest.fixture(scope="session")
def stage(once: Once, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The services, once for all tests of this folder, with one worker each and the sample users."""
    require_program("chromium", "chromium")
    folder = tmp_path_factory.mktemp("browser")
    with ExitStack() as stack:

        def start(name: str, **environment: str) -> str:
            return stack.enter_context(running(name, folder, WEB_CONCURRENCY="1", **environment)).url

        api = start("api", DATABASE_URL=once.sqlite(folder, sample=True))
        faults = stack.enter_context(fault_server())
        yield Stage(start("web", API_URL=api), api, start("web", API_URL=faults.url, API_TIMEOUT="1"), faults)


@dataclass
class Witness:
    """Notes what no page may do: a console message, an error, a dialog, a request to another place."""

    here: tuple[str, ...]  # the addresses that may be asked
    noted: list[str] = field(default_factory=list)
    _answered: set[str] = field(default_factory=set)

    def watch(self, page: Page) -> None:
        """Listen to this page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.noted.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium reports the status of the page itself, which tests look at, as a failure to load it.
        if message.location["url"] in self._answered and message.text.startswith("Failed to load resource: the server"):
            return
        self.noted.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.noted.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((*self.here, "about:", "data:")):
            self.noted.append(f"request: {request.url}")

    def _response(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self._answered.add(response.url)
        elif not response.ok:
            self.noted.append(f"asset: {response.status} {response.url}")


@dataclass
class Window:
    """A page that the tests of a module share, since a new one costs more than most tests, and its witness."""

    page: Page
    witness: Witness

    @contextmanager
    def lent(self) -> Iterator[Page]:
        """The page, with no cookie; when it is given back, the witness has to have noted nothing."""
        self.page.context.clear_cookies()
        self.witness.noted.clear()
        yield self.page
        self.page.goto("about:blank")
        assert [] == self.witness.noted


@pytest.fixture(scope="module")
def windows(stage: Stage) -> Iterator[dict[bool, Window]]:
    """Two pages, by whether they run JavaScript.

    The browser is each module's own: while Playwright runs, the thread has an event loop, which Django minds.
    """
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=require_program("chromium", "chromium"),
            args=["--no-sandbox", "--disable-gpu"],  # root needs the first, and nothing here is a stranger's
        )
        yield {javascript: _open(chromium, stage, javascript=javascript) for javascript in (True, False)}
        chromium.close()


def _open(chromium: Browser, stage: Stage, *, javascript: bool) -> Window:
    context = chromium.new_context(java_script_enabled=javascript)
    context.set_default_timeout(PATIENCE)
    window = Window(context.new_page(), Witness((stage.web, stage.api, stage.troubled)))
    window.witness.watch(window.page)
    return window


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def page(windows: dict[bool, Window], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page; each test that uses it runs with and without JavaScript."""
    with windows[request.param].lent() as page:
        yield page


@pytest.fixture
def scripted(windows: dict[bool, Window]) -> Iterator[Page]:
    """A page with JavaScript, for what a browser shows whether or not scripts may run."""
    with windows[True].lent() as page:
        yield page
