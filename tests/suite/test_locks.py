"""The locks: everything pinned and hashed, one version of each package, and no word of where it came from."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.services import ROOT

LOCKS = sorted([*ROOT.glob("requirements*.txt"), *ROOT.glob("apps/*/requirements*.txt")])
PIN = re.compile(
    r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([^\s;]+)(?: ; [^\\]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$",
    re.MULTILINE,
)
PROJECTS = {path.parent.name: path for path in [ROOT / "pyproject.toml", *ROOT.glob("apps/*/pyproject.toml")]}


def pins(lock: Path) -> dict[str, str]:
    return {name: version for name, version, _ in PIN.findall(lock.read_text(encoding="utf-8"))}


def names(lock: Path) -> str:
    return str(lock.relative_to(ROOT))


@pytest.mark.parametrize("lock", LOCKS, ids=names)
def test_everything_is_pinned_with_its_hashes(lock: Path) -> None:
    """But for a comment, a lock holds nothing else: no option, so no address of an index, and no direct reference."""
    assert len(LOCKS) >= 7
    text = lock.read_text(encoding="utf-8")
    left = PIN.sub("", text)
    assert [] == [line for line in left.splitlines() if line and not line.startswith("#")]
    assert "://" not in text
    assert pins(lock)


def test_a_package_has_one_version() -> None:
    """Whatever installs it: the services, their images, development, the scoreboard's peers."""
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in pins(lock).items():
            versions.setdefault(name, set()).add(version)
    assert len(versions) > 50
    assert {} == {name: found for name, found in versions.items() if len(found) > 1}


def direct(project: dict[str, Any]) -> set[str]:
    """The packages that a pyproject.toml names."""
    named = list(project["project"].get("dependencies", []))
    for group in project.get("dependency-groups", {}).values():
        named += [each for each in group if isinstance(each, str)]
    return {re.split(r"[\[<>=~!; ]", each)[0].lower().replace("_", "-") for each in named}


@pytest.mark.parametrize("project", PROJECTS)
def test_every_direct_dependency_is_locked(project: str) -> None:
    """Each in some lock: none was added without `make lock`."""
    wanted = direct(tomllib.loads(PROJECTS[project].read_text(encoding="utf-8")))
    assert wanted
    assert set() == wanted - {name for lock in LOCKS for name in pins(lock)}
