"""The table as a picture that reads on light and on dark pages."""

from pathlib import Path
from statistics import median

import matplotlib as mpl

from bench.table import Results

_ROWS = ("/", "list of 20", "list of 100", "users page")
_COLOURS = {"ours": "#2f7ed8", "floor": "#8a8a8a", "gthread": "#e07b39", "sync": "#c9a227", "tutorial": "#8e6bbf"}


def draw(results: Results, path: Path) -> None:
    """CPU milliseconds a request, by row and contender, as a PNG."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.5), dpi=110)
    ticks: list[float] = []
    place = 0.0
    for row in _ROWS:
        names = [name for name in _COLOURS if (row, name) in results]
        ticks.append(place + (len(names) - 1) / 2)
        for name in names:
            cpu = median(sample.cpu for sample in results[row, name]) / 1000
            axes.bar(place, cpu, color=_COLOURS[name], label=name if row == _ROWS[1] else None)
            axes.text(place, cpu, f"{cpu:.1f}", ha="center", va="bottom", fontsize=8)
            place += 1
        place += 1
    axes.set_xticks(ticks, _ROWS)
    axes.set_ylabel("CPU ms a request, less is better")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    figure.tight_layout()
    figure.savefig(path)  # on white, so that it reads in dark mode too
    plt.close(figure)
