"""Settings from the environment, and nowhere else (https://12factor.net/config).

Own code where a library could stand: environs and pydantic-settings would each bring a validation stack into the web
image, and neither says in one sentence which variable is wrong.
"""

import math
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serving.version import ROOT

STATE = ROOT / ".local"
BODY_LIMIT = 64 * 1024  # bytes of a request
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
MINIMUM_SECRET_LENGTH = 32
# Every secret that our own examples and development manifests show carries one of these words.
EXAMPLE_MARKS = ("example", "change-me", "changeme", "development-only")
MAXIMUM_WORKERS = 8
DEFAULT_WORKERS = 2
EX_CONFIG = 78  # sysexits.h: something in the configuration is wrong


class ConfigurationError(Exception):
    """A variable is missing or cannot be used. The message is one sentence that names it."""


def refuse(sentence: str) -> int:
    """Print why a service does not start; the exit code for it."""
    print(sentence, file=sys.stderr)  # noqa: T201  # before there are logs, and for a person
    return EX_CONFIG


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What both services read. Times are in seconds."""

    service: str
    production: bool
    port: int
    metrics_port: int
    workers: int
    threads: int
    log_level: str
    log_format: Literal["json", "text"]
    reload: bool
    secret_keys: tuple[str, ...]  # the first signs, all are accepted
    api_tokens: tuple[str, ...]  # web sends the first, api accepts any
    allowed_hosts: tuple[str, ...]
    forwarded_allow_ips: str


class Environment:
    """Typed reading of environment variables; every fault is a `ConfigurationError` that names the variable."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.production = self.choice("ENVIRONMENT", "production", ("production", "development")) == "production"

    def text(self, name: str, default: str | None = None) -> str:
        """The variable, or the default where it is unset or empty. A variable without a default is required."""
        value = self._variables.get(name, "").strip()
        if value:
            return value
        if default is None:
            raise ConfigurationError(f"{name} is not set, and ENVIRONMENT=production needs it.")
        return default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of `choices`."""
        value = self.text(name, default)
        if value not in choices:
            raise ConfigurationError(f"{name} is {value!r}, but it has to be one of: {', '.join(choices)}.")
        return value

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """A whole number from `minimum` to `maximum`."""
        return int(self._number(name, default, minimum, maximum, "a whole number"))

    def seconds(self, name: str, default: float, minimum: float, maximum: float) -> float:
        """A time in seconds from `minimum` to `maximum`."""
        return self._number(name, default, minimum, maximum, "a number of seconds")

    def _number(self, name: str, default: float, minimum: float, maximum: float, kind: str) -> float:
        value = self.text(name, str(default))
        try:
            number: float = int(value) if kind == "a whole number" else float(value)
        except ValueError:
            number = math.nan
        if not minimum <= number <= maximum:  # false for NaN too
            raise ConfigurationError(f"{name} is {value!r}, but it has to be {kind} from {minimum:g} to {maximum:g}.")
        return number

    def words(self, name: str, default: tuple[str, ...] | None) -> tuple[str, ...]:
        """Comma-separated words, with white space and empty ones dropped."""
        value = self.text(name, None if default is None else ",".join(default))
        return tuple(word.strip() for word in value.split(",") if word.strip())

    def secret(self, name: str) -> str:
        """The variable, or the content of the file that ``<name>_FILE`` names; empty where neither is set."""
        value, path = self._variables.get(name, "").strip(), self._variables.get(f"{name}_FILE", "").strip()
        if value and path:
            raise ConfigurationError(f"{name} and {name}_FILE are both set: keep one of them.")
        if path:
            try:
                value = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise ConfigurationError(f"{name}_FILE names {path}, which cannot be read: {reason}.") from error
            if not value:
                raise ConfigurationError(f"{name}_FILE names {path}, which is empty.")
        if not value and self.production:
            raise ConfigurationError(f"{name} is not set (nor {name}_FILE), and ENVIRONMENT=production needs it.")
        return value

    def secret_words(self, name: str) -> tuple[str, ...]:
        """Comma-separated secrets; in production each of them strong."""
        words = tuple(word.strip() for word in self.secret(name).split(",") if word.strip())
        if self.production:
            for word in words:
                if len(word) < MINIMUM_SECRET_LENGTH:
                    raise ConfigurationError(
                        f"{name} has a value of {len(word)} characters, and ENVIRONMENT=production needs at least "
                        f"{MINIMUM_SECRET_LENGTH}: make one with `openssl rand -hex 32`."
                    )
                if any(mark in word.lower() for mark in EXAMPLE_MARKS):
                    raise ConfigurationError(
                        f"{name} is a documented example, which ENVIRONMENT=production refuses: "
                        "make one with `openssl rand -hex 32`."
                    )
            if not words:
                raise ConfigurationError(f"{name} holds no value, and ENVIRONMENT=production needs one.")
        return words

    def common(self, service: str, *, port: int, metrics_port: int) -> Settings:
        """The settings that both services share, for the service of that name with its default ports."""
        development_hosts = None if self.production else LOOPBACK
        settings = Settings(
            service=service,
            production=self.production,
            port=self.integer("PORT", port, 1, 65535),
            metrics_port=self.integer("METRICS_PORT", metrics_port, 1, 65535),
            workers=self.integer("WEB_CONCURRENCY", default_workers(), 1, 64),
            # One thread is the spare that answers `/` and `/livez` while the others wait for api or the database.
            threads=self.integer("THREADS", 4, 2, 64),
            log_level=self.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
            log_format="text"
            if self.choice("LOG_FORMAT", "text" if sys.stdout.isatty() else "json", ("json", "text")) == "text"
            else "json",
            reload=self.choice("RELOAD", "false", ("true", "false")) == "true",
            secret_keys=self.secret_words("SECRET_KEY") or (kept_secret(service),),
            api_tokens=self.secret_words("API_TOKEN"),
            allowed_hosts=self.words("ALLOWED_HOSTS", development_hosts),
            forwarded_allow_ips=self.text("FORWARDED_ALLOW_IPS", "127.0.0.1,::1"),
        )
        if settings.port == settings.metrics_port:
            raise ConfigurationError(f"PORT and METRICS_PORT are both {settings.port}: they have to differ.")
        return settings


def kept_secret(service: str) -> str:
    """A random secret for development, made once and kept in ``.local/``, so that a restart keeps sessions valid."""
    path = STATE / f"{service}.secret_key"
    try:
        if path.exists():
            return path.read_text(encoding="utf-8")
        value = secrets.token_hex(32)
        STATE.mkdir(exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value)
    except OSError as error:
        raise ConfigurationError(
            f"SECRET_KEY is not set, and one cannot be kept in {STATE}: {error.strerror}; set SECRET_KEY."
        ) from error
    return value


def default_workers(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """The ceiling of the container's CPU limit, from 1 to 8 workers, and 2 where there is no limit.

    Reads cgroup v2's ``cpu.max`` or v1's ``cpu.cfs_quota_us``
    (https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/scheduler/sched-bwc.html).
    """
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return DEFAULT_WORKERS
    if quota in ("max", "-1"):
        return DEFAULT_WORKERS
    return min(max(math.ceil(int(quota) / int(period)), 1), MAXIMUM_WORKERS)
