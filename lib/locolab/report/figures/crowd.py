"""Chapter 08: who is there in each round, what coming and going costs, and what several names are paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from locolab.report import style
from locolab.report.figures.common import require, seeds_with_interval
from locolab.report.figures.gauntlet import SCHEMES
from locolab.report.style import Method

STATES: Mapping[str, tuple[str, str]] = {
    "contributing": ("contributing", "#0072B2"),
    "reserve": ("no seat left", "#8DC1E3"),
    "cut": ("unusable upload", "#D55E00"),
    "silent": ("nothing sent", style.INK),
}
"""Label and colour of every state of `gauntlet.attendance`."""

ARMS: Mapping[str, Method] = {
    "steady": Method("always the same peers", "#333333", "s"),
    "first come": Method("come and go, first come", "#D55E00", "^"),
    "full": Method("come and go, Gauntlet", "#0072B2", "o"),
}


def strip(frame: pd.DataFrame, title: str) -> Figure:
    """Return a line for every peer, coloured round by round by what became of it; white where it is away.

    `frame`: round, peer, state (key of `STATES`). Peers stand in the order in which they came.
    """
    require(frame, ("round", "peer", "state"), "strip")
    figure, axes = style.new_figure(6.4, 4.2)
    order = {peer: place for place, peer in enumerate(frame.sort_values(["round", "peer"])["peer"].unique())}
    for state, (label, colour) in STATES.items():
        rows = frame[frame["state"] == state]
        places = [order[peer] for peer in rows["peer"]]
        axes.barh(places, 1.0, left=rows["round"] - 0.5, height=0.8, color=colour, label=label, linewidth=0)
    axes.set_xlim(frame["round"].min() - 0.5, frame["round"].max() + 0.5)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlabel("round")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("peers, in the order in which they came")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, handlelength=1.0)
    style.set_title(axes, title)
    return figure


def final_losses(frame: pd.DataFrame, title: str) -> Figure:
    """Return the final validation loss of every arm: seeds as dots, their mean, its 95 % interval.

    `frame`: arm (key of `ARMS`), seed, validation_loss (nats/token).
    """
    require(frame, ("arm", "seed", "validation_loss"), "final_losses")
    figure, axes = style.new_figure(5.5, 3.0)
    drawn = [name for name in ARMS if name in set(frame["arm"])]
    for place, name in enumerate(drawn):
        seeds_with_interval(axes, place, frame.loc[frame["arm"] == name, "validation_loss"], ARMS[name])
    axes.set_xticks(range(len(drawn)), [ARMS[name].label for name in drawn])
    axes.set_xlim(-0.5, len(drawn) - 0.5)
    axes.set_ylabel("final validation loss (nats/token)")
    style.set_title(axes, title)
    return figure


def sybil_shares(frame: pd.DataFrame, title: str, equal: float) -> Figure:
    """Return an owner's share of all that is paid over its number of names, a panel for each way.

    `frame`: panel, scheme (key of `gauntlet.SCHEMES`), names, share; several rows of one point are seeds.
    `equal` is the share of one peer among equals, dashed. Dots are seeds, the larger marks their means; shares
    lie in 0..1 and are far from normal, so that no interval is drawn.
    """
    require(frame, ("panel", "scheme", "names", "share"), "sybil_shares")
    panels = list(frame["panel"].unique())
    figure, row = style.new_figure(3.6 + 2.6 * (len(panels) - 1), 3.2, columns=len(panels), sharey=True)
    for axes, panel in zip(np.atleast_1d(row), panels, strict=True):
        axes.axhline(equal, color=style.MUTED, linestyle="--", linewidth=1, zorder=0)
        _shares(axes, frame[frame["panel"] == panel], sorted(frame["names"].unique()))
        if len(panels) > 1:
            axes.set_title(str(panel), fontsize=8.5)
    first = np.atleast_1d(row)[0]
    first.set_ylabel("owner's share of all that is paid")
    first.set_ylim(-0.03, max(frame["share"].max(), equal) + 0.05)
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    style.set_figure_title(figure, title, characters=44 + 30 * (len(panels) - 1))
    return figure


def _shares(axes: Axes, frame: pd.DataFrame, numbers: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    for place, (name, rows) in enumerate(frame.groupby("scheme", sort=False)):
        method = SCHEMES[str(name)]
        shift = 1.06 ** (2 * place - 1)  # side by side where both have the same share
        means = rows.groupby("names")["share"].mean()
        axes.plot(rows["names"] * shift, rows["share"], ".", color=method.colour, alpha=0.6, markersize=3.5)
        axes.plot(
            means.index * shift, means, method.marker + "-", color=method.colour, linewidth=1.2,
            markersize=5.5, label=method.label,
        )  # fmt: skip
    axes.set_xlim(numbers[0] / 1.4, numbers[-1] * 1.4)
    axes.set_xticks(numbers, [f"{names}" for names in numbers])
    axes.minorticks_off()
    axes.set_xlabel("names of one owner")
