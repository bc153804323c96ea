"""What the environment tells the web service; read here and nowhere else."""

import os
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from serving.settings import ConfigurationError, Environment, Settings

SERVICE = "web"


@dataclass(frozen=True, kw_only=True)
class WebSettings(Settings):
    """The common settings, the way to api, and what the users pages may do. Times are in seconds."""

    api_url: str
    api_timeout: float
    users_pages: str  # write, read or off


@cache
def load() -> WebSettings:
    """The settings of this process. Raises `ConfigurationError`."""
    environment = Environment(os.environ)
    settings = WebSettings(
        **vars(environment.common(SERVICE, port=5000, metrics_port=9000)),
        api_url=_api_url(environment),
        api_timeout=environment.seconds("API_TIMEOUT", 3, 0.1, 60),
        users_pages=environment.choice("USERS_PAGES", "write", ("write", "read", "off")),
    )
    if not all(token.isascii() and token.isprintable() and " " not in token for token in settings.api_tokens):
        raise ConfigurationError("API_TOKEN cannot be sent in a header: it has to be visible ASCII characters.")
    return settings


def _api_url(environment: Environment) -> str:
    url = environment.text("API_URL", "http://127.0.0.1:5001").rstrip("/")
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    # Between the two services inside a cluster, encryption is the network's business: api itself speaks plain http.
    if not usable or url != f"http://{parts.netloc}" or "@" in parts.netloc:
        raise ConfigurationError("API_URL cannot be used: it has to look like http://127.0.0.1:5001.")
    return url
