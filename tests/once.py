"""What is made once for a run of the tests, whichever of its processes needs it first."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.services import manage


class Once:
    """Folders that all processes of a run share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder of that name, which `make` fills at first; the others wait for it meanwhile."""
        folder = self._folder / name
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made = self._folder / f"{name}.made"
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of one that failed half-way
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    def sqlite(self, folder: Path, *, sample: bool = False, name: str = "users.db") -> str:
        """A new migrated SQLite database there, with the sample users or without any; its DATABASE_URL."""

        def make(original: Path) -> None:
            url = f"sqlite:///{original}/users.db"
            manage(url, "migrate")
            if sample:
                manage(url, "loadusers", "--sample")

        original = self.folder("sample-database" if sample else "empty-database", make)
        shutil.copy(original / "users.db", folder / name)
        return f"sqlite:///{folder}/{name}"


def of_the_run(base: Path) -> Once:
    """What the processes of a run share; `base` is the folder of temporary files of this one."""
    return Once(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)
