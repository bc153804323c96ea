"""Seconds from saving apps/web/hello.py to the new response: ``python tools/reload_time.py [URL [TIMES]]``.

It edits the file of the folder it is run in, in whichever loop serves it (`make run`, Compose watch, skaffold), and
puts it back at the end.
"""

import statistics
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

FILE = Path("apps/web/hello.py")
GREETING = "Hello, World!"
LIMIT = 30.0  # seconds


def answer(url: str) -> str:
    """What the page says; empty where nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # this machine's own
            return str(response.read().decode())
    except (urllib.error.URLError, OSError):
        return ""


def save(text: str, url: str, expected: str) -> float:
    """Seconds until the page says what was expected. Raises TimeoutError where it does not."""
    began = time.monotonic()
    FILE.write_text(text, encoding="utf-8")
    while answer(url) != expected:
        if time.monotonic() > began + LIMIT:
            raise TimeoutError(
                f"{url} did not say {expected!r} within {LIMIT:g} s: is a loop running, from this folder?"
            )
        time.sleep(0.02)
    return time.monotonic() - began


def main() -> int:
    """Measure and print; 1 and one sentence where no loop follows."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5000/"
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    original = FILE.read_text(encoding="utf-8")
    try:
        found = []
        for number in range(times):
            expected = f"Hello, {number}!"
            found.append(save(original.replace(GREETING, expected), url, expected))
            time.sleep(1)
        print(f"save to new response: median {statistics.median(found):.2f} s, of {[round(each, 2) for each in found]}")
    except TimeoutError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        FILE.write_text(original, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
