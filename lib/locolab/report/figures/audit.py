"""Chapter 01: the article's figures as a graph of what follows from what, and how far they are apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, NullLocator

from locolab.report import style
from locolab.report.audit import Figure, Relation
from locolab.report.figures.common import require

WIDE, HIGH = 0.66, 0.72
"""A box's size; columns and rows are one unit apart."""

PLACES = {
    # column, row
    "sector": (0, 0), "cap_1": (0, 1), "volume": (0, 2), "cap": (0, 3), "staked": (0, 4),
    "supply": (0, 5), "total": (0, 6), "quarter": (0, 7),
    "share_intro": (1, 0), "share": (1, 1), "table": (1, 2), "turnover": (1, 3), "stake_high": (1, 4),
    "stake_low": (1, 5), "fdv": (1, 6), "annual": (1, 7),
    "external": (2, 3), "ps": (2, 5),
    "ps_high": (3, 2), "ps_low": (3, 3), "comparables": (3, 4.2), "ps_diluted": (3, 6),
    "templar_rise": (0, 8.4), "templar_text": (1, 8.4), "templar_cap": (2, 8.4), "templar_many": (3, 8.4),
    "main_phase": (0, 9.5), "annealing": (0, 10.4), "tokens": (1, 10),
    "computing": (2, 9.5), "seventy": (2, 10.4), "utilisation": (3, 10),
    "density": (0, 11.5), "bits": (0, 12.4), "ratio": (1, 12), "hundred": (2, 12.4), "after": (3, 12),
}  # fmt: skip
"""Where each figure stands: left what is given, right what follows."""

LANES = {
    "cap": {1: 3.5, 2: 4}, "fdv": {2: 6.2}, "annual": {2: 6.5}, "supply": {1: 5.5, 2: 5.65},
    "total": {1: 6.5, 2: 6.05}, "ratio": {2: 11.7},
}  # fmt: skip
"""The rows between boxes at which what starts at a figure passes the columns it skips."""

TICKS = {
    1 / 10: "÷10", 1 / 2: "÷2", 0.9: "-10%", 0.99: "-1%", 1: "0", 1.01: "+1%", 1.1: "+10%",
    2: "×2", 10: "×10",
}  # fmt: skip
LIMIT = 20.0
"""The largest factor between computed and printed that `contradictions` shows."""


def graph(relations: Sequence[Relation], figures: Iterable[Figure], title: str) -> Canvas:
    """Return the figures as boxes and the relations as lines into a mark before the figure that follows.

    Marks and lines say whether the relation adds up; a figure that is a range is one box for both ends.
    """
    by_name = {figure.name: figure for figure in figures}
    used = {_node(f) for relation in relations for f in (relation.states, *relation.inputs)}
    canvas, axes = style.new_figure(width=8.0, height=7.6)
    axes.set(xlim=(-0.5, 3.36), ylim=(12.85, -0.5), xticks=[], yticks=[])
    axes.axis("off")
    for relation, mark in _marks(relations):
        for figure in relation.inputs:
            _line(axes, _node(figure), mark, relation)
        look = style.VERDICTS[relation.verdict]
        axes.plot(*mark, look.marker, color=look.colour, markersize=5.5, zorder=4)
    for name in sorted(used):
        _box(axes, by_name[name])
    verdicts = dict.fromkeys(relation.verdict for relation in relations)
    canvas.legend(handles=[_handle(word) for word in verdicts], loc="outside lower left", ncols=2, fontsize=8)
    style.set_figure_title(canvas, title, 100)
    return canvas


def contradictions(frame: pd.DataFrame, title: str) -> Canvas:
    """Return a line per relation, those furthest apart on top: what is computed against what is printed.

    `frame`: label, stated, formula, value, low, high, anchor, stated_low, stated_high, verdict, chapter, as
    `locolab.report.audit.table` gives it. Grey: what the printed figure may stand for; coloured: what the
    others leave for it; both as a factor of the printed number, finely drawn near 1.
    """
    columns = ("label", "stated", "formula", "value", "low", "high", "anchor", "stated_low", "stated_high")
    require(frame, (*columns, "verdict", "chapter"), "contradictions")
    canvas, axes = style.new_figure(width=8.0, height=1.1 + 0.225 * len(frame))
    for y, row in enumerate(frame.to_dict("records")):
        look = style.VERDICTS[row["verdict"]]
        printed = [_factor(row[end], row["anchor"]) for end in ("stated_low", "stated_high")]
        axes.plot(printed, [y, y], color=style.FAINT, linewidth=6, solid_capstyle="butt")
        computed = [_factor(row[end], row["anchor"]) for end in ("low", "high")]
        axes.plot(computed, [y, y], color=look.colour, linewidth=1.6)
        axes.plot(_factor(row["value"], row["anchor"]), y, look.marker, color=look.colour, markersize=5)
        where = "" if row["chapter"] == "01" else f" (ch. {row['chapter']})"
        told = f"{row['formula']}: {_short(row['value'])}{where}"
        axes.annotate(told, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=7)
    names = [_plain(f"{row.label}: {row.stated}") for row in frame.itertuples()]
    axes.set_yticks(range(len(frame)), names, fontsize=7.5)
    axes.set_ylim(len(frame) - 0.4, -0.6)
    _factor_axis(axes)
    verdicts = dict.fromkeys(frame["verdict"])
    canvas.legend(handles=[_handle(word) for word in verdicts], loc="outside lower left", ncols=2, fontsize=8)
    style.set_figure_title(canvas, title, 100)
    return canvas


def _node(figure: Figure) -> str:
    return figure.part_of or figure.name


def _marks(relations: Sequence[Relation]) -> list[tuple[Relation, tuple[float, float]]]:
    """Return each relation with the place of its mark: before its figure, below each other where several."""
    groups: dict[str, list[Relation]] = {}
    for relation in relations:
        groups.setdefault(_node(relation.states), []).append(relation)
    found = []
    for name, group in groups.items():
        x, y = PLACES[name]
        heights = np.linspace(-0.27, 0.27, len(group)) if len(group) > 1 else [0.0]
        found += [
            (relation, (x - WIDE / 2 - 0.045, y + float(height)))
            for relation, height in zip(group, heights, strict=True)
        ]
    return found


def _box(axes: Axes, figure: Figure) -> None:
    x, y = PLACES[figure.name]
    box = FancyBboxPatch(
        (x - WIDE / 2, y - HIGH / 2), WIDE, HIGH, boxstyle="round,pad=0,rounding_size=0.05",
        mutation_aspect=2, facecolor="#F5F7F9", edgecolor=style.FAINT, linewidth=0.8, zorder=3,
    )  # fmt: skip
    axes.add_patch(box)
    size = min(8.5, 155 / len(figure.text))
    axes.text(
        x,
        y - 0.14,
        _plain(figure.text),
        fontsize=size,
        weight="bold",
        color=style.INK,
        ha="center",
        va="center",
        zorder=5,
    )
    axes.text(x, y + 0.19, figure.label, fontsize=7, color=style.MUTED, ha="center", va="center", zorder=5)


def _line(axes: Axes, start: str, mark: tuple[float, float], relation: Relation) -> None:
    """Draw the way from a figure's box to a relation's mark, through its lanes past the columns between."""
    column, row = PLACES[start]
    look = style.VERDICTS[relation.verdict]
    dashes: Any = "solid" if relation.verdict == "adds-up" else (0, (4, 2))
    drawn = {"facecolor": "none", "linewidth": 0.9, "zorder": 2}
    stated = PLACES[_node(relation.states)][0]
    points: list[tuple[float, float]] = [(column + WIDE / 2, row)]
    codes: list[Any] = [Path.MOVETO]
    for between in range(int(column) + 1, int(stated)):  # shared by relations, so of no verdict's colour
        lane = LANES[start][between]
        _bend(points, codes, (between - WIDE / 2, lane))
        points.append((between + WIDE / 2, lane))
        codes.append(Path.LINETO)
    axes.add_patch(PathPatch(Path(points, codes), edgecolor=style.MUTED, **drawn))
    points, codes = points[-1:], [Path.MOVETO]
    if stated == column:  # one above the other: around the left side
        left = column - WIDE / 2
        points = [(left, row), (left - 0.14, row), (left - 0.14, mark[1]), mark]
        codes += [Path.CURVE4] * 3
    else:
        _bend(points, codes, mark)
    axes.add_patch(PathPatch(Path(points, codes), edgecolor=look.colour, linestyle=dashes, **drawn))


def _bend(points: list[tuple[float, float]], codes: list[Any], end: tuple[float, float]) -> None:
    """Append a curve to `end` that leaves and arrives horizontally."""
    x, y = points[-1]
    middle = (x + end[0]) / 2
    points += [(middle, y), (middle, end[1]), end]
    codes += [Path.CURVE4] * 3


def _factor(value: float, anchor: float) -> float:
    """Return the logarithm of value over anchor, cut at the ends of the axis."""
    ratio = min(max(value / anchor, 1 / LIMIT), LIMIT)
    return math.log(ratio)


def _factor_axis(axes: Axes) -> None:
    """Give the axis of logarithms factors as ticks; it is linear within 1 % of the printed number."""
    axes.set_xscale("symlog", linthresh=math.log(1.01), linscale=0.7)
    axes.set_xlim(-math.log(LIMIT), math.log(LIMIT))
    axes.xaxis.set_major_locator(FixedLocator([math.log(ratio) for ratio in TICKS]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(list(TICKS.values()), fontsize=7)
    axes.set_xlabel("computed from the article's other figures, against the figure as printed")
    axes.grid(visible=False, axis="y")


def _plain(text: str) -> str:
    """Return a text whose dollar signs are dollars, not the ends of a formula."""
    return text.replace("$", r"\$")


def _short(value: float) -> str:
    """Return a number in four digits, with the letters that the article uses for large ones.

    >>> [_short(x) for x in (6.66234e9, 1.72e8, 1.1042e12, 19.6449, 0.6849)]
    ['6.662B', '172M', '1.104T', '19.64', '0.6849']
    """
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def _handle(verdict: str) -> Line2D:
    look = style.VERDICTS[verdict]
    face = look.colour if look.filled else "white"
    handle = Line2D([], [], linestyle="none", color=look.colour, markerfacecolor=face, label=verdict)
    handle.set(marker=look.marker, markersize=5.5)
    return handle
