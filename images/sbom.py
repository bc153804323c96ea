"""Write the software bill of materials of an image (CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/).

    python3 sbom.py NAME PYPROJECT OUTPUT ROOT…

It lists what is really installed below the ROOTs, which the image joins: Python distributions by their metadata and
Debian packages by their control fields. The same content gives the same bytes: there is no time in it, and the serial
number is made from the rest. Licences of Debian packages are in the image: /usr/share/doc/*/copyright.
"""

import email
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]


def python_packages(root: Path) -> Iterator[tuple[Component, set[str]]]:
    """Each distribution in the virtual environments below `root`, and the names that it depends on."""
    for folder in sorted(root.glob("tandem/.venv/lib/python3*/site-packages")):
        for distribution in distributions(path=[str(folder)]):
            name = normalised(distribution.metadata["Name"])
            purl = f"pkg:pypi/{name}@{distribution.version}"
            component: Component = {"type": "library", "bom-ref": purl, "name": name, "version": distribution.version}
            component |= licences(distribution) | {"purl": purl}
            requires = [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in distribution.requires or ()]
            yield component, {normalised(required) for required in requires}


def normalised(name: str) -> str:
    """A project's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licences(distribution: Distribution) -> Component:
    """The licence as the metadata says it: an SPDX expression (PEP 639), else the short text or the classifiers."""
    metadata = distribution.metadata
    if expression := metadata.get("License-Expression"):
        return {"licenses": [{"expression": expression}]}
    classifiers = metadata.get_all("Classifier", [])
    names = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License :: ")]
    if not names and (text := metadata.get("License")):
        names = [text.splitlines()[0]]
    return {"licenses": [{"license": {"name": name}} for name in names]} if names else {}


def debian_packages(root: Path) -> Iterator[tuple[Component, set[str]]]:
    """Each Debian package unpacked into `root`, and the names that it depends on, alternatives included."""
    for path in sorted(root.glob("var/lib/dpkg/status.d/*")):
        fields = email.message_from_string(path.read_text(encoding="utf-8"))
        name, version = fields["Package"], fields["Version"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={fields['Architecture']}&distro=debian-13"
        component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        depends = f"{fields.get('Pre-Depends', '')},{fields.get('Depends', '')}"
        yield component, {entry.split()[0].partition(":")[0] for entry in re.split(r"[,|]", depends) if entry.strip()}


def bill(name: str, version: str, roots: list[Path]) -> dict[str, Any]:
    """The whole document. Raises ValueError where one of the two kinds of package was not found at all."""
    main = f"{name}@{version}"
    components: list[Component] = []
    dependencies: list[dict[str, Any]] = []
    for packages in (debian_packages, python_packages):
        found = sorted((item for root in roots for item in packages(root)), key=lambda item: item[0]["bom-ref"])
        if not found:
            raise ValueError(f"{packages.__name__}: none below {', '.join(map(str, roots))}")
        refs = {component["name"]: component["bom-ref"] for component, _ in found}
        components += [component for component, _ in found]
        dependencies += [
            {"ref": component["bom-ref"], "dependsOn": sorted(refs[other] for other in needs if other in refs)}
            for component, needs in found
        ]
    dependencies.insert(0, {"ref": main, "dependsOn": [component["bom-ref"] for component in components]})
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": main, "name": name, "version": version}},
        "components": components,
        "dependencies": dependencies,
    }
    return document | {"serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document)).urn}


def main() -> None:
    """Write the bill of materials: NAME PYPROJECT OUTPUT ROOT…."""
    name, pyproject, output, *roots = sys.argv[1:]
    version = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["project"]["version"]
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(bill(name, version, [Path(root) for root in roots]), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
