"""Restarting the workers when a file is saved: in development only."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import gunicorn.reloader


class Reloader(gunicorn.reloader.ReloaderBase):  # type: ignore[misc]  # gunicorn has no type hints
    """Looks each second for files that are newer than what a worker has imported.

    gunicorn's own begins to look when the application is imported, and takes what it finds then for what was imported:
    a file saved in between stays unseen. This one looks first when it is made, which is before the import.
    """

    def __init__(self, extra_files: list[str], callback: Callable[[str], None]) -> None:
        super().__init__(extra_files=extra_files, callback=callback)
        self._seen = self._times()

    def run(self) -> NoReturn:
        """Call back with each file that is newer than when it was first seen. The callback ends the process."""
        while True:
            for name, modified in self._times().items():
                if modified > self._seen.setdefault(name, modified):
                    self._callback(name)
            time.sleep(self._interval)

    def _times(self) -> dict[str, float]:
        """When each file was modified, in seconds since the epoch; without those that are gone."""
        times = {}
        for name in self.get_files():
            with contextlib.suppress(OSError):
                times[name] = Path(name).stat().st_mtime
        return times


def files(application: str) -> list[str]:
    """What makes an application, given as ``module:name``: the code of its package and of this one, and its pages."""
    folders = Path(__file__).parent, Path(__file__).parents[1] / application.partition(".")[0]
    kinds = (".py", ".html", ".css")
    return [str(path) for folder in folders for path in folder.rglob("*") if path.suffix in kinds]
