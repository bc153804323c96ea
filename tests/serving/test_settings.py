"""Settings: read once, typed, and refused in one sentence that names the variable."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import settings
from serving.settings import ConfigurationError, Environment, default_workers
from tests.services import ROOT

STRONG = "0123456789abcdef" * 4
PRODUCTION = {"SECRET_KEY": STRONG, "API_TOKEN": STRONG[::-1], "ALLOWED_HOSTS": "users.example.com"}


def common(**variables: str) -> settings.Settings:
    """The common settings of a service called `web`."""
    return Environment(variables).common("web", port=5000, metrics_port=9000)


def test_production_is_the_default() -> None:
    """Nobody runs in development by forgetting a variable."""
    assert common(**PRODUCTION).production


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_names_what_is_missing(name: str) -> None:
    """Each required value is named when it is missing."""
    variables = {key: value for key, value in PRODUCTION.items() if key != name}
    with pytest.raises(ConfigurationError, match=rf"^{name} is not set.*ENVIRONMENT=production needs it\.$"):
        common(**variables)


@pytest.mark.parametrize("name", ["SECRET_KEY", "API_TOKEN"])
@pytest.mark.parametrize("weak", ["short", "x" * 31, f"{STRONG},short", "change-me-" + "x" * 40, "EXAMPLE" + "y" * 40])
def test_production_refuses_weak_secrets(name: str, weak: str) -> None:
    """Too short, or an example that someone copied: both are named, and neither is repeated."""
    with pytest.raises(ConfigurationError, match=rf"^{name} ") as refused:
        common(**{**PRODUCTION, name: weak})
    assert weak not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("METRICS_PORT", "-1"),
        ("WEB_CONCURRENCY", "1.5"),
        ("THREADS", "1"),
        ("THREADS", "nan"),
        ("LOG_LEVEL", "INFO"),
        ("LOG_FORMAT", "xml"),
        ("RELOAD", "yes"),
    ],
)
def test_bad_values_are_named(name: str, value: str) -> None:
    """The sentence names the variable, the value and what it has to be."""
    with pytest.raises(ConfigurationError, match=rf"^{name} is '{value}', but it has to be .+\.$"):
        common(**{**PRODUCTION, name: value})


def test_ports_differ() -> None:
    """A service cannot serve metrics on its own port."""
    with pytest.raises(ConfigurationError, match="^PORT and METRICS_PORT are both 9000"):
        common(**PRODUCTION, PORT="9000")


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """NAME_FILE is read, and white space around the content does not count."""
    file = tmp_path / "token"
    file.write_text(f"{STRONG}\n")
    variables = {key: value for key, value in PRODUCTION.items() if key != "API_TOKEN"}
    assert (STRONG,) == common(**variables, API_TOKEN_FILE=str(file)).api_tokens


def test_a_secret_has_one_source(tmp_path: Path) -> None:
    """Both forms at once would hide which one counts."""
    with pytest.raises(ConfigurationError, match="^API_TOKEN and API_TOKEN_FILE are both set"):
        common(**PRODUCTION, API_TOKEN_FILE=str(tmp_path))


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_unreadable_secret_files_are_named(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or binary file: the sentence names the variable and the path."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    variables = {key: value for key, value in PRODUCTION.items() if key != "API_TOKEN"}
    with pytest.raises(ConfigurationError, match=rf"^API_TOKEN_FILE names {file}"):
        common(**variables, API_TOKEN_FILE=str(file))


def test_rotation_takes_several_values() -> None:
    """Comma-separated: the first signs and is sent, all are accepted."""
    assert (STRONG, STRONG[::-1]) == common(**{**PRODUCTION, "SECRET_KEY": f"{STRONG}, {STRONG[::-1]}"}).secret_keys


def test_development_keeps_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Made once, readable by its owner alone, and the same at the next start."""
    monkeypatch.setattr(settings, "STATE", tmp_path / ".local")
    first, second = common(ENVIRONMENT="development"), common(ENVIRONMENT="development")
    assert first.secret_keys == second.secret_keys
    assert 0o600 == (tmp_path / ".local/web.secret_key").stat().st_mode & 0o777


def test_development_without_a_place_for_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where nothing can be written, the sentence says what to set."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(settings, "STATE", tmp_path / "file")
    with pytest.raises(ConfigurationError, match=r"^SECRET_KEY is not set.*set SECRET_KEY\.$"):
        common(ENVIRONMENT="development")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 2),
        ({"cpu.max": "max 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "6400000 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"}, 3),
    ],
)
def test_workers_follow_the_cpu_limit(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    """The ceiling of the container's limit, 1 to 8, in both versions of cgroups; 2 without a limit."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert expected == default_workers(tmp_path)


@given(st.dictionaries(st.sampled_from(["PORT", "THREADS", "LOG_LEVEL", "API_TOKEN", "ALLOWED_HOSTS"]), st.text()))
def test_any_text_is_taken_or_refused(variables: dict[str, str]) -> None:
    """No value ends in anything but settings or one sentence."""
    try:
        common(**{**PRODUCTION, **variables})
    except ConfigurationError as refused:
        assert str(refused).endswith(".")


@pytest.mark.parametrize("service", ["web", "api"])
def test_a_bad_configuration_starts_nothing(service: str) -> None:
    """Exit code 78 (EX_CONFIG) and one line on stderr, no traceback."""
    ran = subprocess.run(
        [sys.executable, "-m", service],
        env={"PYTHONPATH": str(ROOT / "apps"), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (78, "", 1) == (ran.returncode, ran.stdout, len(ran.stderr.splitlines()))
    assert ran.stderr.startswith("SECRET_KEY is not set")
