"""Carry the version of pyproject.toml to the charts, the Dockerfiles and compose.yaml."""

import re
import sys
import tomllib
from pathlib import Path

from tools.helm_cli import ROOT


def charts() -> dict[str, str]:
    """Every Chart.yaml, by its path from the root, as it has to be for pyproject.toml's version."""
    return _written(r"^( *(?:version|appVersion): ).*$", *sorted((ROOT / "charts").glob("*/Chart.yaml")))


def images() -> dict[str, str]:
    """The Dockerfiles and compose.yaml, by their path from the root, with that version as default and as tag."""
    files = ("Dockerfile.web", "Dockerfile.api", "compose.yaml")
    return _written(r"^(ARG VERSION=| *image: tandem-\w+:).*$", *(ROOT / name for name in files))


def _written(line: str, *files: Path) -> dict[str, str]:
    """The files' texts with the version behind what `line` keeps of each line that it matches."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return {
        str(path.relative_to(ROOT)): re.sub(f"(?m){line}", rf"\g<1>{version}", path.read_text(encoding="utf-8"))
        for path in files
    }


def main() -> int:
    """Write them, and name each that changed."""
    for path, text in {**charts(), **images()}.items():
        if (ROOT / path).read_text(encoding="utf-8") != text:
            (ROOT / path).write_text(text, encoding="utf-8")
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
