"""Chapter 13: verdicts counted per section, which are never summed, and comparisons on one axis."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from locolab.report import style
from locolab.report.figures.common import require

SECTIONS = {"article": "the article", "paper": "the papers", "ours": "our own"}
OPEN = "not judged"


def verdict_of(verdict: object) -> str:
    """Return the verdict, or "not judged" where there is none."""
    return str(verdict) if verdict in style.VERDICTS else OPEN


def verdict_counts(frame: pd.DataFrame, title: str) -> Figure:
    """Return how many claims ended in which verdict, one panel per section of the ledger.

    `frame`: section, verdict. Bars share one scale; rows have word, shape and number.
    """
    require(frame, ("section", "verdict"), "verdict_counts")
    judged = frame.assign(verdict=frame["verdict"].map(verdict_of))
    sections = [name for name in SECTIONS if (judged["section"] == name).any()]
    words = [name for name in (*style.VERDICTS, OPEN) if (judged["verdict"] == name).any()]
    figure, panels = style.new_figure(
        height=0.95 + 0.23 * len(words), columns=len(sections), sharey=True, sharex=True, squeeze=False
    )
    for axes, section in zip(panels[0], sections, strict=True):
        rows = judged[judged["section"] == section]
        for y, word in enumerate(words):
            count = int((rows["verdict"] == word).sum())
            axes.barh(y, count, height=0.6, color=_look(word).colour, alpha=0.85)
            axes.annotate(
                str(count), (count, y), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5
            )
        axes.set_xlabel(f"{SECTIONS[section]}: {len(rows)}")
        axes.set_xticks([])
        _bare(axes)
    panels[0][0].set_yticks(range(len(words)), [f"{word} {_look(word).shape}" for word in words])
    panels[0][0].set_ylim(len(words) - 0.5, -0.5)
    style.set_figure_title(figure, title)
    return figure


def comparisons(frame: pd.DataFrame, title: str) -> Figure:
    """Return every paired comparison on one axis: its interval in margins, to the right is better.

    `frame`: id, value, low, high (of the paired difference), margin, better (higher or lower), verdict. In
    the shaded band two arms match; the axis is logarithmic outside it. Rows without a comparison
    or with a margin of 0 are left out.
    """
    require(frame, ("id", "value", "low", "high", "margin", "better", "verdict"), "comparisons")
    rows = frame[(frame["better"] != "") & (frame["margin"].fillna(0) > 0)]
    figure, axes = style.new_figure(height=1.3 + 0.22 * len(rows))
    axes.axvspan(-1, 1, color=style.FAINT, alpha=0.35, linewidth=0)
    axes.axvline(0, color=style.INK, linewidth=0.8)
    for y, row in enumerate(rows.to_dict("records")):
        unit = row["margin"] if row["better"] == "higher" else -row["margin"]
        verdict = verdict_of(row["verdict"])
        ends = [row["low"] / unit, row["high"] / unit]
        axes.plot(ends, [y, y], color=_look(verdict).colour, linewidth=1.2)
        _mark(axes, row["value"] / unit, y, verdict)
    axes.set_yticks(range(len(rows)), list(rows["id"]))
    axes.set_xscale("symlog", linthresh=1)
    axes.margins(x=0.05)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    axes.set_xlabel("difference in margins (right: better;\nband: the arms match; lines: 95 % intervals)")
    _bare(axes)
    axes.tick_params(axis="x", length=3)
    figure.legend(
        handles=_legend(rows["verdict"].map(verdict_of)), loc="outside lower left", ncols=4, fontsize=7.5
    )
    style.set_figure_title(figure, title)
    return figure


def _mark(axes: Axes, x: float, y: float, verdict: str) -> None:
    look = _look(verdict)
    axes.plot(
        [x], [y], look.marker, color=look.colour, markersize=4.5, linestyle="none",
        markerfacecolor=look.colour if look.filled else "white",
    )  # fmt: skip


def _legend(verdicts: pd.Series) -> list[Line2D]:
    """Return legend entries of the verdicts that occur, in the order of the scale, with how often."""
    handles = []
    for name in sorted(verdicts.unique(), key=_order):
        look = _look(name)
        label = f"{name}: {int((verdicts == name).sum())}"
        face = look.colour if look.filled else "white"
        handle = Line2D([], [], linestyle="none", color=look.colour, markerfacecolor=face, label=label)
        handle.set(marker=look.marker, markersize=5)
        handles.append(handle)
    return handles


def _look(verdict: str) -> style.Mark:
    return style.VERDICTS.get(verdict, style.NO_VERDICT)


def _order(verdict: str) -> int:
    return [*style.VERDICTS, OPEN].index(verdict)


def _bare(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
