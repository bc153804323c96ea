"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

from tests.services import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("charts/*/README.md")])
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Each link to a file of the repository, from where the document lies."""
    text = document.read_text(encoding="utf-8")
    targets = [link or source for link, source in LINK.findall(text) if "://" not in (link or source)]
    assert [] == [target for target in targets if not (document.parent / target).exists()]


def test_the_readme_knows_every_command() -> None:
    """Each target with a description, and no command that is none."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    assert len(targets) > 15
    assert targets - {"help"} == set(re.findall(r"`make ([a-z-]+)`", table))
