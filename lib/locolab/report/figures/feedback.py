"""Chapter 03: what memory delivers. The tables come from `report.replay.account_runs`."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from locolab.report import style
from locolab.report.figures.common import require

NAMES = {"magnitude": "top-k", "random": "random-k"}
COLOURS = {"magnitude": style.METHODS["sparseloco"].colour, "random": style.MUTED}
MARKS = {"magnitude": "o", "random": "X"}
"""Selection by colour and mark; memory by solid, its absence by dashed lines."""

SHARES = {
    "arrived": ("sent", style.SLATE),
    "remembered": ("in memory", "#9FB4C7"),
    "forgotten": ("forgotten, or never sent", "#E3E3E3"),
}


class Look(NamedTuple):
    """How one line is drawn."""

    label: str
    colour: str
    dashes: str
    mark: str


def cosine_by_round(frame: pd.DataFrame, title: str) -> Figure:
    """Return the chapter's signature figure: what arrived against what was meant, by round.

    `frame`: round, selection (magnitude or random), decay (0: no memory), seed, cosine (between the running
    sums of the frozen pseudo-gradients and of what was sent). Thin lines are seeds, thick ones means.
    """
    figure, axes = _senders(frame, title, "cosine")
    axes.set_ylabel("cosine of sums\n(sent, produced)")
    return figure


def visits_by_round(frame: pd.DataFrame, title: str, density: float) -> Figure:
    """Return the share of coordinates that were sent at least once, by round.

    `frame`: round, selection, decay, seed, visited. `density` is k over chunk: the dotted line is the most
    that can have been sent, no coordinate twice.
    """
    figure, axes = _senders(frame, title, "visited")
    rounds = sorted(frame["round"].unique())
    axes.plot(rounds, [min(1.0, density * r) for r in rounds], ":", color=style.INK, linewidth=1, zorder=1)
    middle = rounds[len(rounds) // 3]
    axes.annotate(
        "none twice", (middle, min(1.0, density * middle)), xytext=(-4, 4), textcoords="offset points",
        ha="right", fontsize=7.5, color=style.INK,
    )  # fmt: skip
    axes.set_ylabel("share of coordinates\nsent at least once")
    return figure


def shares_at_end(frame: pd.DataFrame, title: str) -> Figure:
    """Return where the produced sum is after the last round: one stacked bar per sender.

    `frame`: selection, decay, seed, arrived, remembered, forgotten (shares of the produced sum that add up to
    1). Bars are means over seeds, dots the sent share of each seed.
    """
    require(frame, ("selection", "decay", "seed", *SHARES), "shares_at_end")
    senders = list(frame.groupby(["selection", "decay"]))
    figure, axes = style.new_figure(height=1.2 + 0.3 * len(senders))
    for y, (_, rows) in enumerate(senders):
        left = 0.0
        for name, (_, colour) in SHARES.items():
            width = float(rows[name].mean())
            axes.barh(y, width, left=left, height=0.6, color=colour, linewidth=0)
            if width > 0.07:  # room for the number
                ink = "white" if colour == style.SLATE else style.INK
                middle = left + width / 2
                axes.text(
                    middle, y, f"{100 * width:.0f} %", color=ink, fontsize=7.5, ha="center", va="center"
                )
            left += width
        axes.plot(
            rows["arrived"],
            [y + 0.22] * len(rows),
            ".",
            color="white",
            markeredgecolor=style.INK,
            markersize=4,
        )
    names = [f"{NAMES[str(selection)]}, decay {decay:g}" for (selection, decay), _ in senders]
    axes.set_yticks(range(len(senders)), names)
    axes.set(xlim=(0, 1), ylim=(len(senders) - 0.5, -0.5), xlabel="share of what was produced")
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    handles = [axes.barh(0, 0, color=colour, label=label) for label, colour in SHARES.values()]
    figure.legend(handles=handles, loc="outside lower left", ncols=3)
    style.set_figure_title(figure, title)
    return figure


def momentum_by_round(frame: pd.DataFrame, title: str) -> Figure:
    """Return how near memory comes to outer momentum: cosines with the momentum of the same sequence.

    `frame`, all of one decay: round, selection, seed, feedback_momentum, produced_momentum,
    sent_momentum, and feedback_unrelated (top-k's memory against the momentum of another run).
    """
    columns = ("feedback_momentum", "produced_momentum", "feedback_unrelated", "sent_momentum")
    require(frame, ("round", "selection", "seed", *columns), "momentum_by_round")
    top, random = (frame[frame["selection"] == name] for name in NAMES)
    lines = [
        (top, columns[0], Look("memory, top-k", COLOURS["magnitude"], "-", "o")),
        (random, columns[0], Look("memory, random-k", COLOURS["random"], "-", "X")),
        (top, columns[1], Look("pseudo-gradient", style.VIOLET, "-", "s")),
        (top, columns[3], Look("sent by top-k", COLOURS["magnitude"], ":", "D")),
        (top, columns[2], Look("top-k, another run", style.AMBER, "--", "v")),
    ]
    figure, axes = style.new_figure()
    axes.axhline(0, color=style.FAINT, linewidth=0.8)
    _draw(axes, [line for line in lines if len(line[0])])
    axes.set_ylabel("cosine with outer momentum")
    style.set_title(axes, title)
    return figure


def trade_by_density(frame: pd.DataFrame, title: str, chunk: int, marked: int) -> Figure:
    """Return two cosines over the density: memory with outer momentum, and sent with produced sums.

    `frame`, one round of one decay: selection, k, seed, feedback_momentum, cosine. The vertical line is the
    published k, `marked`, of `chunk`. Dots are seeds.
    """
    panels = {"feedback_momentum": "memory and momentum", "cosine": "sent and produced sums"}
    require(frame, ("selection", "k", "seed", *panels), "trade_by_density")
    figure, both = style.new_figure(columns=2, sharey=True)
    for axes, (column, label) in zip(both, panels.items(), strict=True):
        for name, rows in frame.groupby("selection"):
            look = {"color": COLOURS[str(name)], "marker": MARKS[str(name)]}
            axes.plot(
                100 * rows["k"] / chunk, rows[column], ".", color=look["color"], alpha=0.5, markersize=4
            )
            mean = rows.groupby("k")[column].mean()
            axes.plot(100 * mean.index / chunk, mean, markersize=4, label=NAMES[str(name)], **look)
        axes.axvline(100 * marked / chunk, color=style.FAINT, linewidth=1, zorder=0)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("density (%)")
        axes.set_ylabel(f"cosine of {label}")
    both[0].set_ylim(0, 1.03)
    style.legend_beside(both[1])
    style.set_figure_title(figure, title)
    return figure


def _senders(frame: pd.DataFrame, title: str, column: str) -> tuple[Figure, Axes]:
    """Return a figure with one line per sender, from 0 to 1 over rounds."""
    require(frame, ("round", "selection", "decay", "seed", column), f"{column} by round")
    figure, axes = style.new_figure()
    axes.set_ylim(0, 1.02)
    lines = []
    for (selection, decay), rows in frame.groupby(["selection", "decay"]):
        memory, dashes = ("memory", "-") if decay else ("no memory", "--")
        name = str(selection)
        lines.append((rows, column, Look(f"{NAMES[name]}, {memory}", COLOURS[name], dashes, MARKS[name])))
    _draw(axes, lines)
    style.set_title(axes, title)
    return figure, axes


def _draw(axes: Axes, lines: list[tuple[pd.DataFrame, str, Look]]) -> None:
    """Draw lines over rounds, seeds thin and their mean thick, with their names at the end."""
    ends = []
    for rows, column, look in lines:
        for _, line in rows.groupby("seed"):
            axes.plot(
                line["round"],
                line[column],
                color=look.colour,
                linestyle=look.dashes,
                alpha=0.35,
                linewidth=0.7,
            )
        mean = rows.groupby("round")[column].mean()
        axes.plot(
            mean.index, mean, color=look.colour, linestyle=look.dashes, marker=look.mark, markevery=0.15,
            markersize=4,
        )  # fmt: skip
        ends.append((float(mean.index[-1]), float(mean.iloc[-1]), look.label, look.colour))
    axes.set_xlabel("round")
    style.direct_labels(axes, ends)
