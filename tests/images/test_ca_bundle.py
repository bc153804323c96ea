"""tools/ca-bundle.sh: whose certificates a build is given."""

import os
from pathlib import Path

import pytest

from tests.engine import run

SETTINGS = ("CA_BUNDLE", "PIP_CERT", "SSL_CERT_FILE")


@pytest.mark.parametrize(
    ("given", "in_pips_file", "expected"),
    [
        ({}, False, "/dev/null"),
        ({"SSL_CERT_FILE": "/ssl"}, False, "/ssl"),
        ({"SSL_CERT_FILE": "/ssl"}, True, "/file"),
        ({"SSL_CERT_FILE": "/ssl", "PIP_CERT": "/pip"}, True, "/pip"),
        ({"SSL_CERT_FILE": "/ssl", "PIP_CERT": "/pip", "CA_BUNDLE": "/own"}, True, "/own"),
    ],
)
def test_what_is_set_first_counts(given: dict[str, str], in_pips_file: bool, expected: str, tmp_path: Path) -> None:
    """CA_BUNDLE, then pip's variable, then pip's configuration file, then OpenSSL's variable, then none."""
    file = tmp_path / "pip.conf"
    file.write_text("[global]\ncert = /file\n", encoding="utf-8")
    configuration = str(file) if in_pips_file else os.devnull  # with which pip reads none of its files
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    ran = run("tools/ca-bundle.sh", env={**environment, "PIP_CONFIG_FILE": configuration, **given})
    assert (0, f"{expected}\n", "") == (ran.returncode, ran.stdout, ran.stderr)
