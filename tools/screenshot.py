"""Take docs/users-page.png again: ``.venv/bin/python -m tools.screenshot``, while `make run` serves a fresh .local/.

Another address can be given as the only argument.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "users-page.png"
WIDTH = 800  # CSS pixels, taken at twice the density


def main() -> None:
    """Open the users page in Debian's Chromium, say so where there is none, and keep the whole page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed (Debian: apt-get install chromium).")
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5000"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 600}, device_scale_factor=2)
        page.goto(f"{address}/users")
        page.screenshot(path=PICTURE, full_page=True)
        browser.close()
    print(f"{PICTURE} is what {address}/users looks like.")


if __name__ == "__main__":
    main()
