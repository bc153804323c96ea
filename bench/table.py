"""The table's arithmetic: medians over the rounds, and ratios of what was measured in the same round."""

from statistics import median
from typing import NamedTuple


class Sample(NamedTuple):
    """One round: CPU microseconds a request, requests a second, and milliseconds at the fixed rate."""

    cpu: float
    rate: float
    p50: float
    p99: float


# One contender's row, and the row of ours that it is divided by.
_PARTS = (
    ("304 for 100", "ours", "list of 100"),
    ("304 for 100", "floor", "list of 100"),
    ("first page of 1,000,000", "ours", "first page of 1,000"),
    ("page 5,000 of 1,000,000", "ours", "first page of 1,000"),
)
Results = dict[tuple[str, str], list[Sample]]


def ratio(ours: list[Sample], theirs: list[Sample]) -> float:
    """The median over the rounds of our CPU a request divided by theirs."""
    return median(mine.cpu / other.cpu for mine, other in zip(ours, theirs, strict=True))


def render(results: Results, memory: dict[str, float]) -> str:
    """A Markdown table; the ratio's column is our CPU divided by that line's."""
    lines = [
        "| row | who | CPU µs/request | ours ÷ it | requests/s | p50 ms | p99 ms |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for (row, name), samples in sorted(results.items()):
        cpu, rate, p50, p99 = (median(column) for column in zip(*samples, strict=True))
        share = f"{ratio(results[row, 'ours'], samples):.2f}" if name != "ours" else ""
        lines.append(f"| {row} | {name} | {cpu:.0f} | {share} | {rate:.0f} | {p50:.1f} | {p99:.1f} |")
    lines.append("")
    for row, name, base in _PARTS:
        if (row, name) in results:
            part = ratio(results[row, name], results[base, "ours"])
            lines.append(f"- {row}, {name} ÷ {base}, ours: CPU {part:.2f}")
    lines.extend(f"- memory of {name} after load: {mib:.0f} MiB" for name, mib in sorted(memory.items()))
    return "\n".join(lines) + "\n"
