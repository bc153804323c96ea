"""A web that takes its time to import, and says when it has begun."""

import shutil
import time
from pathlib import Path

from tests.services import ROOT


class SlowImport:
    """A copy of the services in a folder, of which web sleeps for a second when it has read its first page's code."""

    def __init__(self, folder: Path) -> None:
        self.apps = shutil.copytree(ROOT / "apps", folder / "apps", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)  # the version is read from it
        self.file = self.apps / "web/hello.py"
        self.code = self.file.read_text(encoding="utf-8")
        self._read = folder / "read"
        slow = f"\n\nimport pathlib, time\n\npathlib.Path({str(self._read)!r}).touch()\ntime.sleep(1)\n"
        self.file.write_text(self.code + slow, encoding="utf-8")

    def wait(self) -> None:
        """Return as soon as it has been read. Raises `AssertionError` after 20 s."""
        deadline = time.monotonic() + 20
        while not self._read.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
