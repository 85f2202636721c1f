"""How long compression takes: operations beside their floor, and aggregation against the number of peers."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from locolab.report import style
from locolab.report.figures.common import require

LOOKS = {"public": (style.VIOLET, "s"), "ours": ("#0072B2", "o"), "floor": (style.FAINT, "|")}
"""Family of a method -> colour and marker."""

_LABELS = {"ours": "LoCoLab", "public": "eager torch operation\nsequence (stand-in)", "floor": "floor, copy"}


def family(method: str) -> str:
    """Return whether a method of the benchmark is the stand-in, a floor or ours.

    >>> [family(name) for name in ("floor", "cpu", "eager torch operation sequence (stand-in)")]
    ['floor', 'ours', 'public']
    """
    if method in ("floor", "copy"):
        return "floor"
    return "public" if method.startswith("eager") else "ours"


def operations(frame: pd.DataFrame, title: str) -> Figure:
    """Return the time of every operation and method: hollow marks for the fewest threads, full for the most.

    `frame`: operation, method, threads, time_ms, in drawing order; of one device and size.
    """
    require(frame, ("operation", "method", "threads", "time_ms"), "operations")
    lines = list(dict.fromkeys(zip(frame["operation"], frame["method"], strict=True)))
    figure, axes = style.new_figure(height=1.3 + 0.2 * len(lines))
    most = frame["threads"].max()
    for row in frame.to_dict("records"):
        colour, marker = LOOKS[family(row["method"])]
        y = lines.index((row["operation"], row["method"]))
        face = colour if row["threads"] == most else "white"
        axes.plot(row["time_ms"], y, marker, color=colour, markerfacecolor=face, markersize=6)
    _name_lines(axes, lines)
    _log(axes, "x")
    axes.set_xlabel("time (ms), of one thread: on the processor")
    handles = [
        axes.plot([], [], marker, color=colour, markersize=6, label=_LABELS[name])[0]
        for name, (colour, marker) in LOOKS.items()
    ]
    fewest = int(frame["threads"].min())
    if fewest != most:
        hollow = {"markerfacecolor": "white", "color": style.MUTED, "markersize": 6}
        handles += axes.plot([], [], "o", label=f"hollow: {fewest} thread", **hollow)
        handles += axes.plot([], [], "o", label=f"full: {most} threads", color=style.MUTED, markersize=6)
    style.legend_beside(axes, handles=handles)
    style.set_title(axes, title)
    return figure


def aggregation(frame: pd.DataFrame, title: str) -> Figure:
    """Return the time of one aggregation against the number of peers, both axes logarithmic.

    `frame`: method, peers, time_ms; of one device, size and number of threads.
    """
    require(frame, ("method", "peers", "time_ms"), "aggregation")
    figure, axes = style.new_figure()
    ends = []
    for method, rows in frame.groupby("method", sort=False):
        colour, marker = LOOKS[family(str(method))]
        rows = rows.sort_values("peers")
        axes.plot(rows["peers"], rows["time_ms"], color=colour, marker=marker, markersize=5)
        label = _LABELS["public"] if family(str(method)) == "public" else str(method)
        ends.append((float(rows["peers"].iloc[-1]), float(rows["time_ms"].iloc[-1]), label, colour))
    _log(axes, "x")
    _log(axes, "y")
    counts = sorted(frame["peers"].unique())
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="peers", ylabel="time (ms)")
    style.set_title(axes, title)
    style.direct_labels(axes, ends, gap=0.09)
    return figure


def _name_lines(axes: Axes, lines: list[tuple[str, str]]) -> None:
    """Write the methods at the lines, the operation before its first one, a rule between operations."""
    names = []
    for place, (operation, method) in enumerate(lines):
        first = not place or lines[place - 1][0] != operation
        if first and place:
            axes.axhline(place - 0.5, color=style.FAINT, linewidth=0.6)
        short = "stand-in" if family(method) == "public" else method
        names.append(f"{operation}:  {short}" if first else short)
    axes.set_yticks(range(len(lines)), names)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def _log(axes: Axes, which: str) -> None:
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
