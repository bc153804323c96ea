"""Helm at the version that offline/versions.env names, as tools/cluster/tool.sh finds or builds it."""

import functools
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


class HelmError(Exception):
    """Helm refused, or is not to be had; the message is what was said."""


@functools.cache
def program() -> str:
    """The path of Helm. Raises `HelmError` where it is not here and cannot be built."""
    done = _run(str(ROOT / "tools/cluster/tool.sh"), "helm")
    if done.returncode:
        raise HelmError(done.stderr.strip())
    return done.stdout.strip()


def helm(*arguments: str) -> str:
    """What Helm prints to stdout. Raises `HelmError` where it fails."""
    done = _run(program(), *arguments, GOGC="off")  # a render is over before there is anything to collect
    if done.returncode:
        # Of each chart that is linked into another Helm says so, at every call.
        lines = [line for line in done.stderr.splitlines() if not line.startswith("level=INFO")]
        raise HelmError("\n".join(lines).removesuffix("\n\nUse --debug flag to render out invalid YAML").strip())
    return done.stdout


def _run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
