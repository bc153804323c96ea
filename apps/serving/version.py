"""Which program this is: the version and the revision it was built from."""

import os
import tomllib
from functools import cache
from pathlib import Path

# The folder that holds pyproject.toml and apps/: the repository, and the same shape inside an image.
ROOT = Path(__file__).resolve().parents[2]


@cache
def version() -> str:
    """The version in the root ``pyproject.toml``, the one place where it stands."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


@cache
def revision() -> str:
    """The commit this was built from: ``REVISION``, set when an image is built, else ``unknown``."""
    return os.environ.get("REVISION") or "unknown"
