"""A browser without JavaScript, for Flask's test client: it reads pages and sends their forms."""

import html
import re
from dataclasses import dataclass

from flask.testing import FlaskClient


@dataclass
class Seen:
    """A page as it came: `text` is the HTML."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of the page's form."""
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.text)
        return {name: html.unescape(value) for name, value in found}

    def fault(self, field: str) -> str | None:
        """The sentence beside a field, where the field says that it is invalid and points to it."""
        sentence = re.search(rf'<p class="fault" id="{field}-fault">([^<]*)</p>', self.text)
        pointed = re.search(
            rf'<input id="{field}"[^>]* aria-invalid="true" aria-describedby="{field}-fault">', self.text
        )
        return html.unescape(sentence[1]) if sentence and pointed else None

    def value(self, field: str) -> str | None:
        """What a field holds."""
        found = re.search(rf'<input id="{field}"[^>]* value="([^"]*)"', self.text)
        return html.unescape(found[1]) if found else None


def get(client: FlaskClient, path: str, **kwargs: object) -> Seen:
    """A page."""
    response = client.get(path, **kwargs)
    return Seen(response.status_code, response.text, dict(response.headers))


def send(client: FlaskClient, path: str, page: Seen, *, follow: bool = True, **fields: str) -> Seen:
    """Send the form of a page with these fields."""
    response = client.post(path, data={**page.hidden, **fields}, follow_redirects=follow)
    return Seen(response.status_code, response.text, dict(response.headers))
