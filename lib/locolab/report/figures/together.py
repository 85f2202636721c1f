"""Chapter 05: quality for the bytes sent, gaps over rounds, one set of runs on three clocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from locolab.report import style
from locolab.report.figures.common import baseline_at_zero, means_with_seeds, require

CLOCKS = {
    "tokens": "training tokens, all peers",
    "sent_bytes": "sent by one peer",
    "days": "simulated days on the link",
}
QUALITY = ("method", "seed", "local_steps", "sent_bytes", "bits_per_byte")


def quality_per_byte(frame: pd.DataFrame, title: str) -> Figure:
    """Return the chapter's signature figure: final bits per byte over what one peer sent, H on top.

    `frame` has one row per finished run: method, seed, local_steps (H), sent_bytes (by one peer, whole run),
    bits_per_byte (validation, equal tokens). Data-parallel is a mark and a band of one standard deviation of
    its seeds; the grey staircase joins what nobody undercuts with as few bytes.
    """
    require(frame, QUALITY, "quality_per_byte")
    figure, axes = style.new_figure(6.6, 3.9)
    means = frame.groupby(["method", "local_steps"], sort=False)[["sent_bytes", "bits_per_byte"]].mean()
    _band(axes, frame)
    _staircase(axes, means)
    dense = [name for name in frame["method"].unique() if name not in ("adamw_dp", "sparseloco")]
    for name, rows in frame.groupby("method", sort=False):
        method = style.METHODS[str(name)]
        place = dense.index(name) - (len(dense) - 1) / 2 if name in dense else 0
        # dense methods share their bytes; side by side their bars stay readable
        placed = rows.assign(x=rows.groupby("local_steps")["sent_bytes"].transform("mean") * 1.3**place)
        points = means_with_seeds(axes, placed, "x", "bits_per_byte", method)
        axes.plot(*zip(*points, strict=True), color=method.colour, linewidth=1.1, zorder=1)
        axes.plot([], [], color=method.colour, marker=method.marker, markersize=5, label=method.label)
    style.byte_axis(axes)
    axes.set_xlabel("sent by one peer in the whole run")
    axes.set_ylabel("validation, bits per byte")
    _steps_on_top(axes, means)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    style.set_figure_title(figure, title, 84)
    return figure


def _band(axes: Axes, frame: pd.DataFrame) -> None:
    """Draw data-parallel's mean as a line and one standard deviation of its seeds as a band."""
    losses = frame.loc[frame["method"] == "adamw_dp", "bits_per_byte"]
    if losses.empty:
        return
    mean, sd = float(losses.mean()), float(losses.std()) if len(losses) > 1 else 0.0
    axes.axhspan(mean - sd, mean + sd, color=style.FAINT, alpha=0.35, linewidth=0, zorder=0)
    axes.axhline(mean, color=style.METHODS["adamw_dp"].colour, linewidth=0.8, zorder=0)


def _staircase(axes: Axes, means: pd.DataFrame) -> None:
    """Draw the best mean that can be had for at most so many bytes."""
    best = pareto(means["sent_bytes"], means["bits_per_byte"])
    line = means.iloc[best]
    axes.step(
        line["sent_bytes"], line["bits_per_byte"], where="post", color=style.FAINT, linewidth=4, alpha=0.6,
        zorder=0, solid_capstyle="round", label="lowest for so many bytes",
    )  # fmt: skip


def pareto(costs: Sequence[float] | pd.Series, losses: Sequence[float] | pd.Series) -> list[int]:
    """Return the places of the points that nothing as cheap undercuts, from the cheapest on.

    >>> pareto([1, 2, 3, 2], [5.0, 4.0, 4.5, 4.2])
    [0, 1]
    """
    kept: list[int] = []
    values = np.asarray(losses, dtype=float)
    for place in np.lexsort((values, np.asarray(costs, dtype=float))):
        if not kept or values[place] < values[kept[-1]]:
            kept.append(int(place))
    return kept


def _steps_on_top(axes: Axes, means: pd.DataFrame) -> None:
    """Write H over the bytes it leads to: dense methods share theirs, data-parallel exchanges at H = 1."""
    names, steps = (means.index.get_level_values(level) for level in ("method", "local_steps"))
    exchanged = np.where(names == "adamw_dp", 1, steps)
    at = dict(zip(zip(names == "sparseloco", exchanged, strict=True), means["sent_bytes"], strict=True))
    top = axes.secondary_xaxis("top")
    top.set_xticks(list(at.values()), [str(steps) for _, steps in at])
    top.tick_params(length=2, pad=1, labelsize=7.5, colors=style.MUTED)
    top.minorticks_off()
    top.spines["top"].set_visible(False)
    axes.annotate(
        "H =", (0, 1), xycoords="axes fraction", xytext=(-4, 3), textcoords="offset points", ha="right",
        fontsize=7.5, color=style.MUTED,
    )  # fmt: skip


def gap_over_rounds(frame: pd.DataFrame, title: str, band: float = 0.0) -> Figure:
    """Return the second signature figure: the gap to data-parallel over rounds, and over visits per weight.

    `frame` has one row per finished run: method, seed, rounds, visits (rounds times density), gap (validation
    loss minus data-parallel of the same seed and length, nats/token). `band` is the margin around 0.
    """
    require(frame, ("method", "seed", "rounds", "visits", "gap"), "gap_over_rounds")
    figure, both = style.new_figure(6.6, 3.3, columns=2, sharey=True)
    for axes, (x, label) in zip(
        both, {"rounds": "rounds", "visits": "visits per weight"}.items(), strict=True
    ):
        baseline_at_zero(axes, "data-parallel", band)
        for name, rows in frame.groupby("method", sort=False):
            method = style.METHODS[str(name)]
            points = means_with_seeds(axes, rows, x, "gap", method)
            axes.plot(
                *zip(*points, strict=True), color=method.colour, marker=method.marker, linewidth=1.1,
                zorder=1, label=method.label,
            )  # fmt: skip
        _log_axis(axes, frame[x])
        axes.set_xlabel(label)
    lowest = min(0.0, float(frame["gap"].min()))
    both[0].set_ylim(
        bottom=lowest - 0.1 * (float(frame["gap"].max()) - lowest)
    )  # the baseline's name below it
    both[0].set_ylabel("validation loss minus data-parallel\n(nats/token, equal tokens)")
    handles, labels = both[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    style.set_figure_title(figure, title)
    return figure


def _log_axis(axes: Axes, values: pd.Series) -> None:
    """Give the x axis a logarithmic scale around `values`, with a tick at each where they are few."""
    places = sorted(values.unique())
    axes.set_xscale("log", base=2)
    axes.set_xlim(places[0] / 1.5, places[-1] * 1.7)
    axes.xaxis.set_minor_locator(NullLocator())
    if len(places) <= 5:
        axes.set_xticks(places)
    else:
        axes.xaxis.set_major_locator(LogLocator(base=2, numticks=7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def clocks(frame: pd.DataFrame, title: str) -> Figure:
    """Return the same loss curves over tokens, over bytes and over simulated time.

    `frame`: method, seed, round, tokens (all peers), sent_bytes (one peer, since the start), days
    (simulated, since the start), validation_loss (nats/token; rows without it are left out). Thin lines are
    seeds, thick ones their mean.
    """
    require(frame, ("method", "seed", "round", *CLOCKS, "validation_loss"), "clocks")
    figure, panels = style.new_figure(7.2, 3.3, columns=3, sharey=True)
    measured = frame.dropna(subset=["validation_loss"])
    for axes, (x, label) in zip(panels, CLOCKS.items(), strict=True):
        for name, rows in measured.groupby("method", sort=False):
            method = style.METHODS[str(name)]
            for _, line in rows.groupby("seed"):
                axes.plot(line[x], line["validation_loss"], color=method.colour, alpha=0.3, linewidth=0.7)
            mean = rows.groupby("round")[[x, "validation_loss"]].mean()
            axes.plot(
                mean[x], mean["validation_loss"], color=method.colour, marker=method.marker, markersize=3.5,
                markevery=2, label=method.label,
            )  # fmt: skip
        axes.set_xlabel(label)
    panels[0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e6:g}M"))
    style.byte_axis(panels[1])
    panels[1].xaxis.set_major_locator(LogLocator(base=2, numticks=4))
    panels[2].set_xscale("log")
    panels[2].xaxis.set_minor_locator(NullLocator())
    panels[2].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[0].set_ylabel("validation loss (nats/token)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    style.set_figure_title(figure, title, 96)
    return figure


def arm_text(arm: str) -> str:
    """Return an arm as prose names it.

    >>> arm_text("diloco_tuned H=30")
    'DiLoCo, tuned, at H = 30'
    """
    name, _, steps = arm.partition(" H=")
    return style.METHODS[name].label + (f", at H = {steps}" if steps else "")
