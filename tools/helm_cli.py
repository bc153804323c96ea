"""Helm 4, from the PATH or from the user's cache folder, where tools/cluster/tools.sh installs it."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tandem" / "bin" / "helm"


class HelmError(Exception):
    """Helm refused; the message is what it said."""


@functools.cache
def program() -> str | None:
    """The path of a Helm 4, or None where there is none."""
    for candidate in (shutil.which("helm"), shutil.which(str(CACHE))):
        if candidate and _run(candidate, "version", "--template", "{{.Version}}").stdout.startswith("v4."):
            return candidate
    return None


def helm(*arguments: str) -> str:
    """What Helm prints to stdout. Raises `HelmError` where it fails, and where there is no Helm."""
    path = program()
    if path is None:
        raise HelmError("Helm 4 was not found: install it, or let `make cluster` do so.")
    done = _run(path, *arguments)
    if done.returncode:
        # Of each chart that is linked into another Helm says so, at every call.
        lines = [line for line in done.stderr.splitlines() if not line.startswith("level=INFO")]
        raise HelmError("\n".join(lines).removesuffix("\n\nUse --debug flag to render out invalid YAML").strip())
    return done.stdout


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
