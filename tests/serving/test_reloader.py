"""Files that are saved while a worker is still importing."""

import shutil
import threading
import time
from pathlib import Path

import urllib3

from tests.services import ROOT, running

RETRIES = urllib3.Retry(connect=20, read=20, backoff_factor=0.05)  # while a worker makes room for the next


def _save_when(read: Path, file: Path, code: str) -> None:
    """Save the code as soon as a worker says that it has read what was there before."""
    deadline = time.monotonic() + 20
    while not read.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    file.write_text(code, encoding="utf-8")


def test_what_is_saved_during_the_import_is_served(tmp_path: Path) -> None:
    """Even where the worker has already read the file, and is not yet looking for others."""
    apps = shutil.copytree(ROOT / "apps", tmp_path / "apps", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # the version is read from it
    file, read = apps / "web/hello.py", tmp_path / "read"
    code = file.read_text(encoding="utf-8")
    edited = code.replace("Hello, World!", "Hello, Edit!")
    assert edited != code
    slow = f"\n\nimport pathlib, time\n\npathlib.Path({str(read)!r}).touch()\ntime.sleep(1)\n"
    file.write_text(code + slow, encoding="utf-8")
    editor = threading.Thread(target=_save_when, args=(read, file, edited))
    editor.start()
    with running("web", tmp_path, until="/livez", PYTHONPATH=str(apps), RELOAD="true", WEB_CONCURRENCY="1") as web:
        editor.join()
        assert read.exists()
        deadline = time.monotonic() + 10
        while urllib3.request("GET", f"{web.url}/", retries=RETRIES).data != b"Hello, Edit!":
            assert time.monotonic() < deadline, web.output()[-2000:]
            time.sleep(0.05)
        assert f"{file} modified" in web.output()
