"""Files that are saved while a worker is still importing."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3

from tests.services import running
from tests.serving.slow_import import SlowImport

RETRIES = urllib3.Retry(connect=20, read=20, backoff_factor=0.05)  # while a worker makes room for the next


def _save_when_read(slow: SlowImport, code: str) -> None:
    slow.wait()
    slow.file.write_text(code, encoding="utf-8")


def test_what_is_saved_during_the_import_is_served(tmp_path: Path) -> None:
    """Even where the worker has already read the file, and is not yet looking for others."""
    slow = SlowImport(tmp_path)
    edited = slow.code.replace("Hello, World!", "Hello, Edit!")
    assert edited != slow.code
    environment = {"PYTHONPATH": str(slow.apps), "RELOAD": "true", "WEB_CONCURRENCY": "1"}
    with ThreadPoolExecutor() as threads:
        saved = threads.submit(_save_when_read, slow, edited)
        with running("web", tmp_path, until="/livez", **environment) as web:
            saved.result()
            deadline = time.monotonic() + 10
            while urllib3.request("GET", f"{web.url}/", retries=RETRIES).data != b"Hello, Edit!":
                assert time.monotonic() < deadline, web.output()[-2000:]
                time.sleep(0.05)
            assert f"{slow.file} modified" in web.output()
