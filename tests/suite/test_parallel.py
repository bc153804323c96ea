"""What `make test` promises of itself, with the tests spread over processes as tools/test.sh does it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.requirements import ALLOWED_IN_CI
from tests.services import ROOT

PASSES = """
import pathlib, time
def test_it():
    with open({log!r}, "a") as log:
        print("begin {name}", file=log, flush=True)
        time.sleep(0.2)
        print("end {name}", file=log, flush=True)
"""


# The others would cost more than all the rest of a trial.
PLUGINS = ("-p", "tests.conftest", "-p", "xdist.plugin", "-p", "pytest_django.plugin")


def trial(folder: Path, files: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """A session over such files, with this repository's settings and rules."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (words,) = re.findall(r"^exec \S+ -m pytest (.*) \"\$@\"$", (ROOT / "tools/test.sh").read_text(), re.MULTILINE)
    options = str(words).replace('"${WORKERS:-3}"', "3").split()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_") and name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", folder, "--confcutdir", folder,
         *PLUGINS, *options, folder],
        cwd=ROOT,
        env={**clean, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def closing_line(ran: subprocess.CompletedProcess[str]) -> str:
    return ran.stdout.splitlines()[-1].strip("= ").partition(" in ")[0]


def test_what_measures_runs_alone_and_last(tmp_path: Path) -> None:
    """Nothing runs beside it, neither before nor after it in its own time, images last; all of it is one session."""
    log = tmp_path / "log"
    measuring = ["tests/serving/test_memory.py", "tests/web/test_outages.py", "tests/images/test_size.py"]
    names = ["tests/a/test_1.py", *measuring, "tests/a/test_2.py", "tests/b/test_3.py"]
    ran = trial(tmp_path, {name: PASSES.format(log=str(log), name=name) for name in names})
    assert (0, "6 passed") == (ran.returncode, closing_line(ran)), ran.stdout
    lines = log.read_text().splitlines()
    assert {f"end {name}" for name in names if name not in measuring} <= set(lines[:6])
    assert [f"{when} {name}" for name in measuring for when in ("begin", "end")] == lines[6:]


def test_a_skip_that_ci_does_not_know_is_the_sessions_failure(tmp_path: Path) -> None:
    """In whichever process; what tests/requirements.py allows by name is none, and what it asks for in vain fails."""
    skip = "import pytest\ndef test_it():\n    pytest.skip({!r})\n"
    files = {
        "tests/a/test_1.py": skip.format("no reason"),
        "tests/a/test_2.py": skip.format(f"{ALLOWED_IN_CI[0]} none"),
        "tests/a/test_3.py": "from tests.requirements import require_program\n"
        "def test_it():\n    require_program('no-such-program', 'nothing')\n",
    }
    ran = trial(tmp_path, files, CI="true")
    assert (1, "1 failed, 2 skipped") == (ran.returncode, closing_line(ran)), ran.stdout
    assert "missing in CI: no-such-program is not installed" in ran.stdout
    named = [line for line in ran.stdout.splitlines() if line.startswith("skipped in CI: ")]
    assert ["skipped in CI: tests/a/test_1.py::test_it: no reason"] == named


def test_a_failure_in_any_process_is_the_sessions(tmp_path: Path) -> None:
    """Of what runs beside others, where a warning is one too, and of what runs alone."""
    files = {
        "tests/a/test_1.py": "import warnings\ndef test_it():\n    warnings.warn('careful')\n",
        "tests/a/test_2.py": "def test_it():\n    pass\n",
        "tests/serving/test_memory.py": "def test_it():\n    assert 1 == 2\n",
    }
    ran = trial(tmp_path, files)
    assert (1, "2 failed, 1 passed") == (ran.returncode, closing_line(ran)), ran.stdout
    assert "UserWarning: careful" in ran.stdout
