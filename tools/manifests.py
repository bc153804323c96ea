"""Everything that is generated from the charts: the kustomize base and overlays, and what tools/chart_values.py makes.

    python -m tools.manifests            write the files
    python -m tools.manifests --check    say which are not as the charts have them

An overlay is the base and what differs: added objects, and JSON patches (RFC 6902) for the changed ones. Nothing of it
is written by hand, so an overlay is always exactly `helm template` with its values.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools import chart_values
from tools.helm_cli import HelmError, helm

ROOT = Path(__file__).parents[1]
BASE = ROOT / "k8s" / "base"
OVERLAYS = ROOT / "k8s" / "overlays"
COMMAND = "make manifests"
RELEASE = "tandem"

Manifest = dict[str, Any]
Key = tuple[str, str]


def render(*values: Path) -> str:
    """The manifests of charts/tandem with these values files, without `helm test`'s pods."""
    files = [argument for path in values for argument in ("--values", str(path))]
    chart = str(ROOT / "charts" / "tandem")
    return helm("template", RELEASE, chart, "--namespace", RELEASE, "--skip-tests", *files)


def objects(text: str) -> dict[Key, Manifest]:
    """Manifests by kind and name."""
    found = [manifest for manifest in yaml.safe_load_all(text) if manifest]
    return {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in found}


def changes(old: Any, new: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """The JSON patch (RFC 6902) from `old` to `new`; lists of one length are compared item by item."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old | new:
            place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in new:
                yield {"op": "remove", "path": place}
            elif key not in old:
                yield {"op": "add", "path": place, "value": new[key]}
            else:
                yield from changes(old[key], new[key], place)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from changes(before, after, f"{path}/{index}")
    else:
        yield {"op": "replace", "path": path, "value": new}


def overlay(folder: Path, base: dict[Key, Manifest]) -> dict[Path, str]:
    """The generated files of an overlay: a kustomize component, with the objects that it adds."""
    wanted = objects(render(BASE / "values.yaml", folder / "values.yaml"))
    component: Manifest = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    files = {}
    header = _header(folder)
    added = [manifest for key, manifest in wanted.items() if key not in base]
    if added:
        component["resources"] = ["added.yaml"]
        files[folder / "rendered" / "added.yaml"] = header + yaml.safe_dump_all(added, sort_keys=False, width=120)
    patches: list[Manifest] = []
    for (kind, name), manifest in base.items():
        if (kind, name) not in wanted:
            place = {"name": name, "namespace": RELEASE}
            gone = {"apiVersion": manifest["apiVersion"], "kind": kind, "metadata": place, "$patch": "delete"}
            patches.append({"patch": _dump(gone)})
        elif patch := list(changes(manifest, wanted[kind, name])):
            patches.append({"target": {"kind": kind, "name": name}, "patch": _dump(patch)})
    if patches:
        component["patches"] = patches
    return files | {folder / "rendered" / "kustomization.yaml": header + _dump(component)}


def generated() -> dict[Path, str]:
    """Every generated file, and what it has to hold. Raises HelmError, ValueError and OSError."""
    text = render(BASE / "values.yaml")
    base = objects(text)
    files = {BASE / "tandem.yaml": _header(BASE) + re.sub(r"(?m)^---\n# Source: .*\n", "---\n", text)}
    for folder in sorted(path for path in OVERLAYS.iterdir() if path.is_dir()):
        files |= overlay(folder, base)
    return chart_values.generated() | files


def _header(folder: Path) -> str:
    values = (folder / "values.yaml").relative_to(ROOT)
    return f"# Rendered by `{COMMAND}` from charts/tandem with {values}: change those, not this.\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, to be read."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def _dump(document: Any) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120)


def main() -> int:
    """Write the files, or with ``--check`` only name those that differ; 1 where any does, or a source is wrong."""
    try:
        if "--check" not in sys.argv:
            _write(chart_values.generated())  # Helm renders with the schemas that lie beside the charts
        files = generated()
    except (HelmError, ValueError, OSError, yaml.YAMLError) as error:
        print(error, file=sys.stderr)
        return 1
    if "--check" not in sys.argv:
        _write(files)
        return 0
    stale = _stale(files)
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not as the charts have it: run `{COMMAND}`.", file=sys.stderr)
    return int(bool(stale))


def _stale(files: dict[Path, str]) -> list[Path]:
    return [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def _write(files: dict[Path, str]) -> None:
    for path in _stale(files):
        path.parent.mkdir(exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
