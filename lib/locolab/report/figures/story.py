"""Chapter 00: the article as a chain of statements, each with its verdict and the chapter that checks it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from locolab.report import style
from locolab.report.figures.common import require

ACROSS = 4
WIDE, HIGH = 0.86, 0.72
"""A card's size; cards are one unit apart."""


def story(frame: pd.DataFrame, title: str) -> Figure:
    """Return the article in one figure: its statements as cards, four across, read like text.

    `frame`: figure (as printed), about (what it is about), verdict, status, notebook (empty: none can settle
    it).
    """
    require(frame, ("figure", "about", "verdict", "status", "notebook"), "story")
    lines = -(-len(frame) // ACROSS)
    figure, axes = style.new_figure(width=7.6, height=0.55 + 1.0 * lines)
    axes.set(xlim=(-0.5, ACROSS - 0.46), ylim=(lines - 0.5, -0.5), xticks=[], yticks=[])
    axes.axis("off")
    for place, row in enumerate(frame.to_dict("records")):
        x, y = place % ACROSS, place // ACROSS
        _card(axes, x, y, row)
        if place < len(frame) - 1:
            _arrow(axes, x, y, last=x == ACROSS - 1)
    style.set_figure_title(figure, title, 105)
    return figure


def _card(axes: Axes, x: float, y: float, row: dict[Any, Any]) -> None:
    look = style.VERDICTS.get(row["verdict"], style.NO_VERDICT)
    left, top = x - WIDE / 2, y - HIGH / 2
    box = FancyBboxPatch(
        (left, top), WIDE, HIGH, boxstyle="round,pad=0,rounding_size=0.05", mutation_aspect=0.8,
        facecolor="#F5F7F9", edgecolor=style.FAINT, linewidth=0.8,
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(left + 0.05, y - 0.19, row["figure"], fontsize=11, weight="bold", color=style.INK, va="center")
    axes.text(left + 0.05, y + 0.04, row["about"], fontsize=7.5, color=style.INK, va="center")
    axes.plot(
        [left + 0.08], [y + 0.24], look.marker, color=look.colour, markersize=5,
        markerfacecolor=look.colour if look.filled else "white",
    )  # fmt: skip
    word = row["verdict"] if row["verdict"] in style.VERDICTS else row["status"]
    axes.text(left + 0.14, y + 0.24, word, fontsize=7.5, color=style.INK, va="center")
    place = f"ch. {row['notebook'][:2]}" if row["notebook"] else "no chapter"
    axes.text(left + WIDE - 0.04, y + 0.24, place, fontsize=7, color=style.MUTED, va="center", ha="right")


def _arrow(axes: Axes, x: float, y: float, last: bool) -> None:
    """Draw the way to the next card: across, or down and back to the left at the end of a line."""
    look: dict[str, Any] = {"color": style.SLATE, "linewidth": 0.9}
    gap = (1 - WIDE) / 2
    if not last:
        axes.annotate("", (x + 0.5 + gap, y), (x + 0.5 - gap, y), arrowprops={"arrowstyle": "->", **look})
        return
    middle, low = y + 0.5, y + HIGH / 2
    axes.plot([x, x, 0], [low, middle, middle], **look)
    axes.annotate("", (0, y + 1 - HIGH / 2), (0, middle), arrowprops={"arrowstyle": "->", **look})
