"""A wrong environment is refused with one sentence that names the variable."""

import pytest

from serving.settings import ConfigurationError
from tests.web.settings import settings


def test_defaults() -> None:
    """Development needs no variable but the ones of these tests."""
    given = settings()
    assert ("http://127.0.0.1:5001", 3.0, "write") == (given.api_url, given.api_timeout, given.users_pages)
    assert (5000, 9000) == (given.port, given.metrics_port)


@pytest.mark.parametrize(
    "url",
    ["api:5001", "https://api:5001", "http://", "http://a:b@api", "http://api/users", "http://api:x", "http://api:0",
     "http://api:99999", "http://api?x", "http://[::1"],
)  # fmt: skip
def test_wrong_api_url(url: str) -> None:
    """API_URL is a plain http address of a host."""
    with pytest.raises(ConfigurationError, match=r"^API_URL cannot be used: .*\.$"):
        settings(API_URL=url)


def test_trailing_slash() -> None:
    """A slash at the end of API_URL is what people write."""
    assert "http://api:5001" == settings(API_URL="http://api:5001/").api_url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_TIMEOUT", "0"),
        ("API_TIMEOUT", "soon"),
        ("USERS_PAGES", "maybe"),
        ("API_TOKEN", "naïve"),
        ("API_TOKEN", "a b"),
    ],
)
def test_wrong_value(name: str, value: str) -> None:
    """The sentence names the variable."""
    with pytest.raises(ConfigurationError, match=f"^{name} "):
        settings(**{name: value})


def test_production_needs_a_token() -> None:
    """API_TOKEN is required in production."""
    with pytest.raises(ConfigurationError, match="^API_TOKEN is not set"):
        settings(ENVIRONMENT="production", SECRET_KEY="s" * 32, ALLOWED_HOSTS="example.org")
