"""What is generated from the charts' values.yaml: values.schema.json, and the table of values in each README.

values.yaml is the one source of names, defaults and descriptions (the comment above each value); types follow from the
defaults, and schema.yaml refines them. Every mapping is closed, so that an unknown key is refused.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).parents[1] / "charts"
COMMAND = "make manifests"
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
TABLE = re.compile(r"(?<=<!-- values -->\n).*?(?=<!-- /values -->)", re.DOTALL)


@dataclass
class Value:
    """One key of values.yaml; `children` where it is a mapping that values.yaml itself fills."""

    path: str
    default: Any
    description: str
    children: list["Value"] = field(default_factory=list)

    def walk(self) -> Iterator["Value"]:
        """The value itself and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def values(chart: Path) -> list[Value]:
    """The chart's values in the order of values.yaml. Raises ValueError where one has no comment."""
    text = (chart / "values.yaml").read_text(encoding="utf-8")
    root = yaml.compose(text)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"values.yaml of {chart.name} is not a mapping.")  # noqa: TRY004  # the file is wrong, no argument
    return _mapping(root, text.splitlines(), "")


def _mapping(node: yaml.MappingNode, lines: list[str], prefix: str) -> list[Value]:
    found = []
    for key, content in node.value:
        value = Value(
            path=prefix + key.value,
            default=yaml.safe_load(yaml.serialize(content)),
            description=_comment_above(lines, key.start_mark.line),
        )
        if isinstance(content, yaml.MappingNode) and content.value:
            value.children = _mapping(content, lines, value.path + ".")
        elif not value.description:
            raise ValueError(
                f"values.yaml:{key.start_mark.line + 1}: {value.path} has no comment that says what it is."
            )
        found.append(value)
    return found


def _comment_above(lines: list[str], line: int) -> str:
    start = line
    while start and lines[start - 1].lstrip().startswith("# "):
        start -= 1
    return " ".join(text.strip().removeprefix("# ") for text in lines[start:line])


def schema(chart: Path) -> str:
    """values.schema.json of a chart, as text. Raises ValueError where schema.yaml names a value that is not there."""
    sources = [chart / "schema.yaml"]
    if chart.name != "tandem":
        sources.insert(0, CHARTS / "common" / "schema.yaml")
    refinements: dict[str, Any] = {}
    for source in sources:
        refinements |= yaml.safe_load(source.read_text(encoding="utf-8"))
    definitions = refinements.pop("$defs", {})
    # Helm hands the globals down to the library too, under its name.
    properties = {"common": {"type": "object"}} | _properties(values(chart), refinements)
    if refinements:
        raise ValueError(f"schema.yaml of {chart.name} refines what values.yaml lacks: {', '.join(refinements)}.")
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": f"Generated from values.yaml and schema.yaml by `{COMMAND}`.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if definitions:
        document["$defs"] = definitions
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _properties(found: list[Value], refinements: dict[str, Any]) -> dict[str, Any]:
    return {value.path.rpartition(".")[2]: _property(value, refinements) for value in found}


def _property(value: Value, refinements: dict[str, Any]) -> dict[str, Any]:
    described = {"description": value.description} if value.description else {}
    refinement: dict[str, Any] = refinements.pop(value.path, {})
    if "$ref" in refinement or refinement.get("type") == "object":
        return described | refinement
    inferred: dict[str, Any] = {"type": TYPES[type(value.default)]}
    if value.children:
        inferred |= {"properties": _properties(value.children, refinements), "additionalProperties": False}
    return described | inferred | refinement


def table(chart: Path) -> str:
    """The chart's values as a Markdown table."""
    rows = ["| value | default | |", "|---|---|---|"]
    for value in (each for top in values(chart) for each in top.walk()):
        description = value.description.replace("|", "\\|")
        if not value.children:
            default = json.dumps(value.default, ensure_ascii=False).replace("|", "\\|")
            rows.append(f"| `{value.path}` | `{default}` | {description} |")
        elif description:
            rows.append(f"| **`{value.path}`** | | {description} |")
    return "\n".join(rows) + "\n"


def readme(chart: Path) -> str:
    """The chart's README with its table as values.yaml has it. Raises ValueError where it has no place for it."""
    text = (chart / "README.md").read_text(encoding="utf-8")
    if not TABLE.search(text):
        raise ValueError(f"{chart.name}/README.md has no lines <!-- values --> and <!-- /values -->.")
    return TABLE.sub(lambda _: table(chart), text)


def generated() -> dict[Path, str]:
    """Every generated file of the charts, and what it has to hold."""
    charts = [CHARTS / name for name in ("web", "api", "tandem")]
    return {chart / "values.schema.json": schema(chart) for chart in charts} | {
        chart / "README.md": readme(chart) for chart in charts
    }


def main() -> int:
    """Write them; 1 and one sentence where a source is wrong."""
    try:
        files = generated()
    except (OSError, ValueError, yaml.YAMLError) as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
