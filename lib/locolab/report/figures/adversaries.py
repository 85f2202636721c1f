"""Chapter 08: what misbehaving peers cost under each defence, and in which rounds they are aggregated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from locolab.report import style
from locolab.report.figures.common import require
from locolab.report.style import Method

DEFENCES: Mapping[str, Method] = {
    "none": Method("no defence", style.INK, "x"),
    "bounds": Method("norms clipped", style.AMBER, "s"),
    "templar": Method("rules at v2.1.3 (our model)", "#D55E00", "D"),
    "templar, checks exclude": Method("these, failed checks exclude", "#CC79A7", "v"),
    "templar, fewer seats": Method("these, seats are scarce", "#009E73", "^"),
    "full": Method("full Gauntlet", "#0072B2", "o"),
    "full, in step": Method("full, one update behind at most", style.VIOLET, "P"),
}
"""How defences are called and drawn."""

TICKS = (-0.1, 0.0, 0.05, 0.1, 1.0, 10.0, 100.0, 1000.0)
LINEAR = 0.1
"""Nats per token up to which the axis of `excess` is linear."""


def by_harm(runs: pd.DataFrame, share: str) -> list[str]:
    """Return the behaviours from the most to the least harmful where nobody defends, by mean excess.

    `runs` comes from `detection.runs_table`.
    """
    rows = runs[(runs["defence"] == "none") & (runs["share"] == share)]
    means = rows.groupby("behaviour", sort=False)["excess"].mean()
    return list(means.sort_values(ascending=False, kind="stable").index)


def excess(frame: pd.DataFrame, title: str, margin: float, order: Sequence[str]) -> Figure:
    """Return final losses minus the clean run's of the same seed: a row for each behaviour, a panel a share.

    `frame`: defence (key of `DEFENCES`), share, behaviour, seed, excess (nats/token). Marks are means, dots
    seeds; the band is `margin`. The axis is linear up to `LINEAR` and logarithmic beyond.
    """
    require(frame, ("defence", "share", "behaviour", "seed", "excess"), "excess")
    shares, defences = list(frame["share"].unique()), [d for d in DEFENCES if d in set(frame["defence"])]
    step = 0.13 * len(defences)
    size = (4.8 + 3.2 * (len(shares) - 1), 1.6 + max(0.28, 0.66 * step) * len(order))
    figure, row = style.new_figure(*size, columns=len(shares), sharey=True)
    for axes, share in zip(np.atleast_1d(row), shares, strict=True):
        axes.axvspan(-margin, margin, color=style.FAINT, alpha=0.45, linewidth=0, zorder=0)
        axes.axvline(0, color=style.MUTED, linewidth=0.8, zorder=1)
        for place, defence in enumerate(defences):
            rows = frame[(frame["share"] == share) & (frame["defence"] == defence)]
            shift = 0.62 * (place - (len(defences) - 1) / 2) / max(len(defences) - 1, 1)
            _defence(axes, rows, order, defence, shift)
        _axis(axes, frame["excess"])
        axes.set_title(f"{share} of the peers misbehave", fontsize=8.5)
    first = np.atleast_1d(row)[0]
    first.set_yticks(range(len(order)), order)
    first.set_ylim(len(order) - 0.45, -0.55)
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(1 + len(shares), len(defences)))
    style.set_figure_title(figure, title, characters=66 + 40 * (len(shares) - 1))
    return figure


def _defence(axes: Axes, rows: pd.DataFrame, order: Sequence[str], defence: str, shift: float) -> None:
    """Draw one defence: each behaviour's mean as a mark, its seeds as dots on the same height."""
    label, colour, marker = DEFENCES[defence]
    places = {name: place + shift for place, name in enumerate(order)}
    known = rows[rows["behaviour"].isin(places)]
    heights = known["behaviour"].map(places)
    axes.plot(known["excess"], heights, ".", color=colour, alpha=0.5, markersize=3, zorder=2)
    means = known.groupby("behaviour", sort=False)["excess"].mean()
    height = [places[str(name)] for name in means.index]
    axes.plot(means, height, marker, color=colour, markersize=4.6, label=label, linestyle="none", zorder=3)


def _axis(axes: Axes, values: pd.Series) -> None:
    """Give the axis its scale, and ticks only as far as the values go."""
    axes.set_xscale("symlog", linthresh=LINEAR, linscale=2.2)
    largest = max(float(values.max()), LINEAR)
    axes.set_xticks([tick for tick in TICKS if tick <= 2 * largest])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlim(min(-LINEAR / 2, 1.3 * float(values.min())), 1.8 * largest)
    axes.set_xlabel("final loss minus the clean run's\n(nats/token)")
    axes.grid(axis="x", visible=True)


def rounds(frame: pd.DataFrame, title: str) -> Figure:
    """Return which peers were aggregated in which rounds: a panel for each behaviour, a row for each peer.

    `frame`: behaviour, round, peer, misbehaves, aggregated (bool). Empty: not aggregated.
    """
    require(frame, ("behaviour", "round", "peer", "misbehaves", "aggregated"), "rounds")
    behaviours = list(frame["behaviour"].unique())
    figure, row = style.new_figure(7.0, 2.6, columns=len(behaviours), sharey=True)
    for axes, behaviour in zip(np.atleast_1d(row), behaviours, strict=True):
        rows = frame[(frame["behaviour"] == behaviour) & frame["aggregated"]]
        colours = rows["misbehaves"].map({False: "#0072B2", True: "#D55E00"})
        axes.barh(rows["peer"], 0.8, left=rows["round"] + 0.6, height=0.7, color=list(colours))
        axes.set_title(str(behaviour), fontsize=8.5)
        axes.set_xlim(0.4, frame["round"].max() + 1.6)
        axes.set_xlabel("round")
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.grid(visible=False)
    first = np.atleast_1d(row)[0]
    first.set_ylim(frame["peer"].max() + 0.6, -0.6)
    first.set_ylabel("peer")
    first.yaxis.set_major_locator(MaxNLocator(integer=True))
    kinds = [Patch(color="#0072B2", label="honest"), Patch(color="#D55E00", label="misbehaving")]
    figure.legend(handles=kinds, loc="outside lower center", ncols=2)
    style.set_figure_title(figure, title, characters=92)
    return figure
