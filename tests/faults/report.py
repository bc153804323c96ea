"""What a fault did, for a person: a table, a timeline, and the ledger itself, in `.local/reports/faults/`."""

from collections import Counter
from pathlib import Path

from tests.faults.ledger import Entry, line
from tests.faults.load import ROOT, Load

FOLDER = ROOT / ".local" / "reports" / "faults"
COLOURS = {"web": "#1f77b4", "api": "#2ca02c"}


def write(name: str, title: str, load: Load, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Write `name`.md, .png and .jsonl; what the table says."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    table = {**load.summary, **(extra or {})}
    rows = "\n".join(f"| {what} | {value} |" for what, value in table.items())
    wrong = "".join(f"- {sentence}\n" for sentence in load.violations[:50])
    (FOLDER / f"{name}.md").write_text(f"# {title}\n\n| | |\n|---|---|\n{rows}\n\n{wrong}![{title}]({name}.png)\n")
    (FOLDER / f"{name}.jsonl").write_text("".join(line(entry) for entry in load.ledger.entries))
    draw(FOLDER / f"{name}.png", title, load)
    return table


def draw(path: Path, title: str, load: Load) -> None:
    """The timeline: every request's latency, every failure, and what was done when."""
    import matplotlib as mpl  # here, since every process of a session would import it

    mpl.use("Agg")  # no screen is needed
    from matplotlib import pyplot as plt

    begin = load.ledger.entries[0].due if len(load.ledger) else 0.0
    figure, (times, counts) = plt.subplots(
        2, 1, sharex=True, figsize=(11, 6), height_ratios=[3, 1], layout="constrained", dpi=120
    )
    for service, colour in COLOURS.items():
        entries = load.ledger.of(service).entries
        right = [entry for entry in entries if entry.ok]
        times.scatter(*_points(right, begin), s=3, c=colour, alpha=0.4, linewidths=0, label=service, rasterized=True)
    failed = load.ledger.failed
    times.scatter(*_points(failed, begin), s=28, c="#d62728", marker="x", linewidths=1, label="failed")
    times.set(yscale="log", ylabel="latency, s (from when it was due)")
    counts.set(ylabel="requests/s", xlabel="seconds", ylim=(0, None))
    seconds = Counter(int(entry.due - begin) for entry in load.ledger.entries)
    bad = Counter(int(entry.due - begin) for entry in failed)
    counts.bar(list(seconds), list(seconds.values()), width=1, align="edge", color="#c7c7c7", label="sent")
    counts.bar(list(bad), list(bad.values()), width=1, align="edge", color="#d62728", label="failed")
    counts.autoscale(axis="y")
    for moment, what in load.marks:
        for panel in (times, counts):
            panel.axvline(moment - begin, color="#555555", linewidth=0.8, linestyle="--")
        times.annotate(
            what, (moment - begin, 1), xycoords=("data", "axes fraction"), xytext=(2, -2), textcoords="offset points",
            rotation=90, va="top", fontsize=7, color="#333333",
        )  # fmt: skip
    wrong = len(load.violations)
    figure.suptitle(
        f"{title}\n{len(load.ledger):,} requests, {len(failed):,} failed; "
        f"{len(load.ledger.acknowledged):,} acknowledged writes, {wrong:,} lost or wrong",
        fontsize=11,
    )
    times.legend(loc="lower right", fontsize=8, markerscale=2)
    counts.legend(loc="lower right", fontsize=8)
    figure.savefig(path)
    plt.close(figure)


def _points(entries: list[Entry], begin: float) -> tuple[list[float], list[float]]:
    return [entry.due - begin for entry in entries], [max(entry.latency, 0.0005) for entry in entries]
