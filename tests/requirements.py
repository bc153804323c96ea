"""What a test needs of the machine: where it is missing the test is skipped with the reason, and in CI it fails."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

# The only skips that CI accepts: no offline cluster has an engine for network policies, and no registry has skaffold.
ALLOWED_IN_CI = ("policy enforcement:", "live skaffold loop:")


def missing(reason: str) -> None:
    """Skip with the reason; in CI, where everything is installed, fail."""
    if os.environ.get("CI") and not reason.startswith(ALLOWED_IN_CI):
        pytest.fail(f"missing in CI: {reason}")
    pytest.skip(reason)


def require_program(name: str, package: str) -> str:
    """The path of a program, or a skip that says which package brings it."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed (Debian: apt-get install {package})")
    return str(path)


@cache
def _engine_fault() -> str | None:
    if shutil.which("docker") is None:
        return "no docker on the PATH"
    ran = subprocess.run(
        ["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, text=True, check=False
    )
    return None if ran.returncode == 0 else "docker is installed, but no engine answers"


def require_engine() -> None:
    """A container engine that runs."""
    if (fault := _engine_fault()) is not None:
        missing(fault)


def postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL server on this machine, as Debian installs it; None without one."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None
