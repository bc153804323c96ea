"""Carry the version of pyproject.toml to the charts, the Dockerfiles and compose.yaml."""

import re
import sys
import tomllib

from tools.helm_cli import ROOT


def charts() -> dict[str, str]:
    """Every Chart.yaml, by its path from the root, as it has to be for pyproject.toml's version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return {
        str(path.relative_to(ROOT)): re.sub(
            r"(?m)^( *(?:version|appVersion): ).*$", rf"\g<1>{version}", path.read_text(encoding="utf-8")
        )
        for path in sorted((ROOT / "charts").glob("*/Chart.yaml"))
    }


def images() -> dict[str, str]:
    """The Dockerfiles and compose.yaml, by their path from the root, with that version as default and as tag."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    lines = re.compile(r"(?m)^(ARG VERSION=| *image: tandem-\w+:).*$")
    return {
        path: lines.sub(rf"\g<1>{version}", (ROOT / path).read_text(encoding="utf-8"))
        for path in ("Dockerfile.web", "Dockerfile.api", "compose.yaml")
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
