"""Chapters 00 and 13: every claim as one mark, by notebook and by verdict; sections are never summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from locolab.report import style
from locolab.report.figures.common import require

SECTIONS = {"article": "the article", "paper": "the papers", "ours": "our own"}
OPEN = "not judged"
UNTESTED = "not testable here"
PER_LINE = 25


def verdict_of(verdict: object) -> str:
    """Return the verdict, or "not judged" where there is none."""
    return str(verdict) if verdict in style.VERDICTS else OPEN


def claims_map(frame: pd.DataFrame, title: str, section: str = "article") -> Figure:
    """Return one section's claims as marks, a row per notebook, marks sorted by verdict.

    `frame`: id, section, notebook (None: no notebook settles it), verdict. The legend counts each verdict.
    """
    require(frame, ("id", "section", "notebook", "verdict"), "claims_map")
    rows = frame[frame["section"] == section]
    verdicts = rows["verdict"].map(verdict_of)
    notebooks = rows["notebook"].fillna(UNTESTED)
    names = sorted(notebooks.unique(), key=lambda name: (name == UNTESTED, name))
    lines = [max(1, -(-int((notebooks == name).sum()) // PER_LINE)) for name in names]
    figure, axes = style.new_figure(height=1.0 + 0.2 * sum(lines))
    tops = [sum(lines[:i]) for i in range(len(names))]
    for name, top in zip(names, tops, strict=True):
        order = sorted(verdicts[notebooks == name], key=_order)
        for place, verdict in enumerate(order):
            _mark(axes, place % PER_LINE, top + place // PER_LINE, verdict)
    axes.set_yticks(tops, [_readable(name) for name in names])
    axes.set(xlim=(-0.7, PER_LINE), ylim=(sum(lines) - 0.4, -0.6), xticks=[])
    _bare(axes)
    axes.legend(
        handles=_legend(verdicts),
        loc="upper left",
        bbox_to_anchor=(1.0, 1.02),
        fontsize=7.5,
        handletextpad=0.4,
    )
    style.set_figure_title(figure, title)
    return figure


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
    the shaded band two arms match; rows without a comparison or with a margin of 0 are left out.
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
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("difference in margins (right: better;\nband: the arms match; lines: 95 % intervals)")
    _bare(axes)
    axes.tick_params(axis="x", length=3)
    figure.legend(
        handles=_legend(rows["verdict"].map(verdict_of)), loc="outside lower left", ncols=4, fontsize=7.5
    )
    style.set_figure_title(figure, title)
    return figure


def story(stations: Mapping[str, Sequence[Mapping[str, str]]], title: str) -> Figure:
    """Return the article in one figure: stations of the loop from left to right, its figures under each.

    `stations`: name (may hold line breaks) -> statements in order, each {figure: as printed, about: two or
    three words, verdict, notebook: its number}.
    """
    most = max(len(statements) for statements in stations.values())
    figure, axes = style.new_figure(width=7.6, height=1.3 + 0.42 * most)
    for x, (name, statements) in enumerate(stations.items()):
        _station(axes, x, name, last=x == len(stations) - 1)
        for line, statement in enumerate(statements):
            _statement(axes, x, line + 1.0, statement)
    axes.set(xlim=(-0.5, len(stations) - 0.5), ylim=(most + 0.6, -0.6), xticks=[], yticks=[])
    _bare(axes)
    found = pd.Series([verdict_of(s["verdict"]) for statements in stations.values() for s in statements])
    figure.legend(handles=_legend(found, counts=False), loc="outside lower left", ncols=5, fontsize=7.5)
    style.set_figure_title(figure, title, 105)
    return figure


def _station(axes: Axes, x: int, name: str, last: bool) -> None:
    box = {"boxstyle": "round,pad=0.35", "facecolor": "#EEF3F7", "edgecolor": style.SLATE, "linewidth": 0.7}
    axes.text(x, 0, name, ha="center", va="center", fontsize=7.5, color=style.INK, bbox=box)
    if not last:
        arrow = {"arrowstyle": "->", "color": style.SLATE, "linewidth": 0.8}
        axes.annotate("", (x + 0.59, 0), (x + 0.41, 0), arrowprops=arrow)


def _statement(axes: Axes, x: int, y: float, statement: Mapping[str, str]) -> None:
    verdict = verdict_of(statement["verdict"])
    _mark(axes, x - 0.4, y, verdict)
    axes.text(x - 0.32, y - 0.02, statement["figure"], fontsize=8, color=style.INK, va="bottom")
    about = f"{statement['about']} [{statement['notebook']}]"
    axes.text(x - 0.32, y + 0.02, about, fontsize=6.5, color=style.MUTED, va="top")


def _mark(axes: Axes, x: float, y: float, verdict: str) -> None:
    look = _look(verdict)
    axes.plot(
        [x], [y], look.marker, color=look.colour, markersize=4.5, linestyle="none",
        markerfacecolor=look.colour if look.filled else "white",
    )  # fmt: skip


def _legend(verdicts: pd.Series, counts: bool = True) -> list[Line2D]:
    """Return legend entries of the verdicts that occur, in the order of the scale, with how often."""
    handles = []
    for name in sorted(verdicts.unique(), key=_order):
        look = _look(name)
        label = f"{name}: {int((verdicts == name).sum())}" if counts else name
        face = look.colour if look.filled else "white"
        handle = Line2D([], [], linestyle="none", color=look.colour, markerfacecolor=face, label=label)
        handle.set(marker=look.marker, markersize=5)
        handles.append(handle)
    return handles


def _look(verdict: str) -> style.Mark:
    return style.VERDICTS.get(verdict, style.NO_VERDICT)


def _order(verdict: str) -> int:
    return [*style.VERDICTS, OPEN].index(verdict)


def _readable(notebook: str) -> str:
    """Return a notebook's name for an axis.

    >>> _readable("04_two_bits_on_the_wire")
    '04 two bits on the wire'
    """
    return notebook.replace("_", " ")


def _bare(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
