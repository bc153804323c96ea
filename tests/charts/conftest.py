import os
import shutil
from typing import NoReturn

import pytest

from tools.helm_cli import CACHE, program


@pytest.fixture(scope="session", autouse=True)
def helm_is_here() -> None:
    """All of these tests render with Helm 4. In CI its absence is a failure and not a skip."""
    if program() is None:
        missing("Helm 4 is neither on the PATH nor in the cache folder: `make cluster` installs it")


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The path of a kubectl, for its kustomize."""
    found = shutil.which("kubectl") or shutil.which(str(CACHE.with_name("kubectl")))
    if found is None:
        missing("kubectl is neither on the PATH nor in the cache folder: `make cluster` installs it")
    return found


def missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
