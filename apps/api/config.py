"""What the environment tells the api service; read here and nowhere else."""

import os
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from serving.settings import STATE, ConfigurationError, Environment, Settings

SERVICE = "api"
_SCHEMES = ("sqlite", "postgresql", "postgres")


@dataclass(frozen=True, kw_only=True)
class ApiSettings(Settings):
    """The common settings and the database."""

    database_url: str


@cache
def load() -> ApiSettings:
    """The settings of this process. Raises `ConfigurationError`."""
    environment = Environment(os.environ)
    return ApiSettings(
        **vars(environment.common(SERVICE, port=5001, metrics_port=9001)),
        database_url=_database_url(environment),
    )


def _database_url(environment: Environment) -> str:
    url = environment.secret("DATABASE_URL") or f"sqlite:///{STATE}/users.db"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and (parts.port is None or parts.port > 0) and len(parts.path) > 1
    except ValueError:
        usable = False
    if not usable:  # the address itself is not repeated: it holds a password
        raise ConfigurationError(
            "DATABASE_URL cannot be used: it has to look like sqlite:////data/users.db "
            "or postgresql://user:password@host:5432/name."
        )
    return url
