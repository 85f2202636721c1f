"""Chapter 06: a round as a timeline, the model's error, utilisation over bandwidth, what 95 % takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

from locolab.report import style
from locolab.report.figures.common import require

PHASES = {
    "compute": ("computing", style.SLATE, ""),
    "compress": ("compressing", style.VIOLET, ""),
    "upload": ("upload", style.AMBER, ""),
    "wait": ("waiting", "white", "////"),
    "download": ("download", "#0072B2", ""),
    "aggregate": ("outer step", style.INK, ""),
    "outer": ("outer step", style.INK, ""),
}
"""What a peer may be doing -> name, colour, hatch."""

LINES = (("#0072B2", "o", "-"), (style.AMBER, "s", "--"), (style.VIOLET, "^", "-."), (style.SLATE, "D", ":"))
"""Colour, marker and line of whatever has no colour of its own, in the order it comes."""

LABELS_AT = ((48, "right"), (42, "left"), (37, "left"), (28, "left"))
"""Where the lines of the map are named: height (%), and which side of the text is at the line."""


def timeline(
    frame: pd.DataFrame, title: str, marks: Mapping[str, float] | None = None, start: float = 0.0
) -> Figure:
    """Return who did what when: one row per peer, one bar per span.

    `frame`: peer (its name, rows from the top in this order), phase (key of `PHASES`), start, end (s).
    `marks` are vertical lines with their names; what lies before `start` is cut off.
    """
    require(frame, ("peer", "phase", "start", "end"), "timeline")
    names = list(dict.fromkeys(frame["peer"]))
    figure, axes = style.new_figure(height=1.25 + 0.3 * len(names))
    for span in frame[frame["end"] > start].to_dict("records"):
        _, colour, hatch = PHASES[span["phase"]]
        left = max(span["start"], start)
        axes.barh(
            names.index(span["peer"]), span["end"] - left, left=left, height=0.62, color=colour, hatch=hatch,
            edgecolor=style.FAINT if hatch else colour, linewidth=0 if hatch else 0.3,
        )  # fmt: skip
    for name, at in (marks or {}).items():
        axes.axvline(at, color=style.INK, linewidth=0.9, linestyle="--", zorder=3)
        axes.annotate(
            name, (at, 1), xycoords=("data", "axes fraction"), xytext=(3, 2), textcoords="offset points",
            fontsize=7.5, color=style.INK,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(start, frame["end"].max()), ylim=(len(names) - 0.5, -0.5))
    axes.set_xlabel("time since the round began (s)")
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    used = {PHASES[phase][0]: PHASES[phase] for phase in PHASES if phase in set(frame["phase"])}
    handles = [
        Patch(facecolor=c, hatch=h, edgecolor=style.FAINT, linewidth=0, label=n) for n, c, h in used.values()
    ]
    figure.legend(
        handles=handles, loc="outside lower left", ncols=len(handles), columnspacing=1.2, handlelength=1.2
    )
    style.set_figure_title(figure, title)
    return figure


def model_error(frame: pd.DataFrame, title: str, limit: float) -> Figure:
    """Return how far measured times lie from the model's: every repetition a dot, lines through the medians.

    `frame`: link (name), mib (payload, MiB), error (measured / modelled - 1). The band is -+ `limit`.
    """
    require(frame, ("link", "mib", "error"), "model_error")
    figure, axes = style.new_figure()
    axes.axhspan(-100 * limit, 100 * limit, color=style.FAINT, alpha=0.3, linewidth=0, zorder=0)
    axes.axhline(0, color=style.MUTED, linewidth=0.8, zorder=1)
    groups = list(frame.groupby("link", sort=False))
    for index, (name, rows) in enumerate(groups):
        colour, marker, line = LINES[index % len(LINES)]
        shift = 2 ** (0.18 * (index - (len(groups) - 1) / 2))  # side by side, so that dots do not cover dots
        axes.plot(rows["mib"] * shift, 100 * rows["error"], ".", color=colour, alpha=0.5, markersize=4)
        median = rows.groupby("mib")["error"].median()
        axes.plot(
            median.index * shift,
            100 * median,
            line,
            color=colour,
            marker=marker,
            markersize=5,
            label=str(name),
        )
    axes.set_xscale("log", base=2)
    sizes = sorted(frame["mib"].unique())
    axes.set_xticks(sizes, [style.bytes_text(size * 2**20) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("payload of one peer")
    axes.set_ylabel("measured minus modelled\n(% of the modelled time)")
    axes.legend(title="link: up/down, round trip", title_fontsize=8, loc="lower left")
    style.set_title(axes, title, characters=62)
    return figure


def bandwidth_map(
    curves: pd.DataFrame, points: pd.DataFrame, title: str, ticks: Sequence[float] = (110, 500, 4000, 40000)
) -> Figure:
    """Return the chapter's signature figure: utilisation over bandwidth, a line a published run, and points.

    `curves`: model (name), mbps (down), low, high (utilisation under the two readings that bound the line,
    0 to 1). `points`: label, mbps, utilisation, printed (a published figure: filled; else what a reading
    gives), dx, dy (where its label stands, points).
    """
    require(curves, ("model", "mbps", "low", "high"), "bandwidth_map")
    require(points, ("label", "mbps", "utilisation", "printed", "dx", "dy"), "bandwidth_map")
    figure, axes = style.new_figure(width=6.4, height=3.9)
    for index, (name, rows) in enumerate(curves.groupby("model", sort=False)):
        (colour, _, line), (height, side) = LINES[index], LABELS_AT[index]
        middle = 100 * (rows["low"] + rows["high"]) / 2
        axes.fill_between(
            rows["mbps"], 100 * rows["low"], 100 * rows["high"], color=colour, alpha=0.2, linewidth=0
        )
        axes.plot(rows["mbps"], middle, line, color=colour)
        at = int(np.argmin(np.abs(middle.to_numpy() - height)))
        axes.annotate(
            str(name), (float(rows["mbps"].iloc[at]), float(middle.iloc[at])),
            xytext=(7 if side == "left" else -9, -1 if side == "left" else 7), textcoords="offset points",
            color=colour, fontsize=8, va="top", ha=side,
        )  # fmt: skip
    axes.axhline(95, color=style.MUTED, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set(xlim=(curves["mbps"].min(), curves["mbps"].max()), ylim=(0, 104))
    _points(axes, points)
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    axes.set_xlabel("download rate of a peer, all its links together (Mb/s); upload rate 22 % of it")
    axes.set_ylabel("time spent computing")
    style.set_title(axes, title, characters=76)
    return figure


def _points(axes: Axes, points: pd.DataFrame) -> None:
    """Mark published figures (filled) and what readings give (open), each with its label on a thin line."""
    for point in points.to_dict("records"):
        x, y = point["mbps"], 100 * point["utilisation"]
        marker, face = ("D", style.INK) if point["printed"] else ("o", "white")
        axes.plot([x], [y], marker, markerfacecolor=face, markeredgecolor=style.INK, markersize=6, zorder=4)
        if not point["label"]:
            continue
        axes.annotate(
            point["label"], (x, y), xytext=(point["dx"], point["dy"]), textcoords="offset points",
            fontsize=7.5, color=style.INK, va="center", ha="left" if point["dx"] > 0 else "right",
            arrowprops={"arrowstyle": "-", "color": style.MUTED, "linewidth": 0.6, "shrinkB": 4},
        )  # fmt: skip


def break_even(frame: pd.DataFrame, title: str, links: Mapping[str, float]) -> Figure:
    """Return the download rate each method needs for a given utilisation: a row a method, a mark a model.

    `frame`: method (rows from the top in this order), model, mbps. `links` are vertical lines: name -> Mb/s.
    """
    require(frame, ("method", "model", "mbps"), "break_even")
    methods = list(dict.fromkeys(frame["method"]))
    figure, axes = style.new_figure(width=6.2, height=1.3 + 0.29 * len(methods))
    for (name, rows), (colour, marker, _) in zip(frame.groupby("model", sort=False), LINES, strict=False):
        axes.plot(
            rows["mbps"], [methods.index(m) for m in rows["method"]], marker, color=colour, label=str(name)
        )
    for index, method in enumerate(methods):
        found = frame.loc[frame["method"] == method, "mbps"]
        axes.plot([found.min(), found.max()], [index, index], color=style.FAINT, linewidth=1, zorder=1)
        axes.annotate(
            rate_text(found.max()), (found.max(), index), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=7.5, color=style.INK,
        )  # fmt: skip
    for name, mbps in links.items():
        axes.axvline(mbps, color=style.INK, linewidth=0.9, linestyle="--", zorder=1)
        axes.annotate(
            name, (mbps, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
            fontsize=7.5, ha="center", color=style.INK,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set(xlim=(frame["mbps"].min() / 3, frame["mbps"].max() * 6), ylim=(len(methods) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rate_text(value)))
    axes.set_yticks(range(len(methods)), methods)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("download rate of a peer; upload rate 22 % of it")
    figure.legend(loc="outside lower left", ncols=frame["model"].nunique())
    style.set_figure_title(figure, title)
    return figure


def rate_text(mbps: float) -> str:
    """Return a rate in decimal units with at most three digits.

    >>> [rate_text(rate) for rate in (0.5, 110, 6191.4, 4_770_000)]
    ['0.5 Mb/s', '110 Mb/s', '6.19 Gb/s', '4.77 Tb/s']
    """
    for size, unit in ((1e6, "Tb/s"), (1e3, "Gb/s")):
        if mbps >= size:
            return f"{mbps / size:.3g} {unit}"
    return f"{mbps:.3g} Mb/s"
