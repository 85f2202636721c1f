"""Chapter 12: real processes over time, and what a round brings down with many contributors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from locolab.report import style
from locolab.report.figures import utilisation
from locolab.report.figures.common import require

WAYS = {
    "payloads": ("every payload", "#0072B2", "o", "-"),
    "sum": ("their exact sum, bitmap and bf16", style.AMBER, "s", "--"),
    "again": ("their sum, compressed again", style.VIOLET, "^", "-."),
}
"""What a peer may download -> its name, colour, marker, line."""


def processes(spans: pd.DataFrame, title: str, marks: Mapping[str, float]) -> Figure:
    """Return what every process did when; `spans` as `Drilled.spans`, `marks` lines with names (s)."""
    require(spans, ("peer", "phase", "start", "end"), "processes")
    named = spans.assign(peer=[f"peer {index}" for index in spans["peer"]])
    figure = utilisation.timeline(named, title, marks)
    figure.axes[0].set_xlabel("time since the run began (s)")
    for position, label in enumerate(figure.axes[0].texts):
        assert isinstance(label, Annotation)
        label.xyann = (3, 2 + 9 * (position % 2))  # neighbours may be close to each other
    return figure


def downloads(numel: int, payload: float, density: float, contributors: list[int]) -> pd.DataFrame:
    """Return bytes that one peer downloads a round, by way and number of contributors.

    `payload` bytes a contribution; positions are taken as independent, each coordinate in a share `density`
    of them. The exact sum takes a bit for every coordinate and two bytes for each that is not 0.

    >>> downloads(64, 2.0, 1 / 64, [1]).values.tolist()
    [[1, 'payloads', 2.0], [1, 'sum', 10.0], [1, 'again', 2.0]]
    """
    rows = []
    for count in contributors:
        filled = numel * (1 - (1 - density) ** count)
        found = {"payloads": count * payload, "sum": numel / 8 + 2 * filled, "again": payload}
        rows += [(count, way, float(size)) for way, size in found.items()]
    return pd.DataFrame(rows, columns=["contributors", "way", "bytes"])


def growth(frame: pd.DataFrame, title: str, dense: float) -> Figure:
    """Return bytes a round over the number of contributors; `frame` as `downloads`, `dense` a line."""
    require(frame, ("contributors", "way", "bytes"), "growth")
    figure, axes = style.new_figure()
    for way, (label, colour, marker, line) in WAYS.items():
        rows = frame[frame["way"] == way]
        axes.plot(
            rows["contributors"], rows["bytes"] / 1e9, color=colour, marker=marker, linestyle=line,
            markersize=4, label=label,
        )  # fmt: skip
    axes.axhline(dense / 1e9, color=style.MUTED, linewidth=1, label="the dense vector, fp32")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    ticks = np.unique(frame["contributors"])
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("contributions that are applied in a round")
    axes.set_ylabel("download of one peer\nin a round (GB)")
    style.set_title(axes, title)
    style.legend_beside(axes)
    return figure
