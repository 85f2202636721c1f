"""Chapter 04: which few-bit codes lose least for their bits, what training makes of it, and seconds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter
from numpy.typing import NDArray

from locolab.report import style
from locolab.report.figures.common import require
from locolab.report.figures.together import pareto
from locolab.report.statistics import mean_interval

FAMILIES = {
    "public": style.Method("public code, 4 bins", style.VIOLET, "s"),
    "1 bit": style.Method("1 bit", style.AMBER, "v"),
    "2 bits": style.Method("2 bits", "#0072B2", "o"),
    "3 bits": style.Method("3 bits", style.SLATE, "^"),
    "thrifty": style.Method("1 bit, scale per 2 chunks", style.AMBER, "D"),
    "k": style.Method("2 bits, another k", style.FAINT, "o"),
    "fp32": style.Method("values as they are", style.INK, "P"),
}
"""Quantisers that share a colour and a marker."""

FRONT = ("panel", "family", "quantiser", "seed", "bits", "error")
TRAINED = ("panel", "family", "setting", "seed", "ratio", "loss")


def fronts(frame: pd.DataFrame, title: str, chosen: str, line_at: Mapping[str, float]) -> Figure:
    """Return error over bits on the wire, one panel for each source of values.

    `frame`: panel, family (key of `FAMILIES`), quantiser, seed, bits (of a kept value, on the wire), error
    (relative L2), quantisers of a family in the order of their lines. Small dots are seeds, marks their mean,
    the grey staircase joins what nothing as small undercuts. `chosen` gets a ring; `line_at` (label -> bits)
    draws one vertical line.
    """
    require(frame, FRONT, "fronts")
    panels = list(frame["panel"].unique())
    figure, row = style.new_figure(7.2, 3.7, columns=len(panels), sharey=True, sharex=True, squeeze=False)
    row = row[0]
    for axes, panel in zip(row, panels, strict=True):
        _front(axes, frame[frame["panel"] == panel], chosen)
        for label, at in line_at.items():
            axes.axvline(at, color=style.MUTED, linewidth=0.8, linestyle=":")
            axes.annotate(
                label, (at, 1), xycoords=("data", "axes fraction"), xytext=(3, -9),
                textcoords="offset points", fontsize=7.5, color=style.MUTED,
            )  # fmt: skip
        axes.set_title(panel, fontsize=8.5, loc="left", color=style.MUTED)
    row[len(panels) // 2].set_xlabel("bits per kept value, everything counted")
    first = row[0]
    first.set_ylabel("relative L2 error of the kept values")
    first.set_yscale("log")
    first.set_ylim(top=1.6 * float(frame["error"].max()))
    first.yaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5]))
    first.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    first.yaxis.set_minor_locator(NullLocator())
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    style.set_figure_title(figure, title, 92)
    return figure


def _front(axes: Axes, rows: pd.DataFrame, chosen: str) -> None:
    means = rows.groupby(["family", "quantiser"], sort=False)[["bits", "error"]].mean()
    best = means.iloc[pareto(means["bits"], means["error"])]
    axes.step(best["bits"], best["error"], where="post", color=style.FAINT, linewidth=5, alpha=0.5, zorder=0)
    for name, line in means.groupby("family", sort=False):
        look = FAMILIES[str(name)]
        seeds = rows[rows["family"] == name]
        axes.plot(seeds["bits"], seeds["error"], ".", color=look.colour, alpha=0.45, markersize=2.5)
        axes.plot(
            line["bits"], line["error"], "-", color=look.colour, marker=look.marker, linewidth=0.9,
            markersize=7 if name == "public" else 4.5, label=look.label,  # it may lie below another mark
        )  # fmt: skip
    ring = means.xs(chosen, level="quantiser").iloc[0]
    axes.plot(ring["bits"], ring["error"], "o", color=style.INK, fillstyle="none", markersize=11)


def trained(frame: pd.DataFrame, title: str) -> Figure:
    """Return the final loss of every setting, smallest payload on top, one panel for each set of runs.

    `frame`: panel, family (key of `FAMILIES`), setting, seed, ratio (one number a setting: how many times
    smaller than fp32), loss (nats per token). Dots are seeds, bars 95 % intervals of their mean; the dotted
    line is the public code's mean.
    """
    require(frame, TRAINED, "trained")
    panels = list(frame["panel"].unique())
    order = frame.groupby("setting")["ratio"].first().sort_values(ascending=False)
    figure, row = style.new_figure(6.6, 0.9 + 0.26 * len(order), columns=len(panels), sharey=True)
    for axes, panel in zip(np.atleast_1d(row), panels, strict=True):
        for (family, setting), runs in frame[frame["panel"] == panel].groupby(["family", "setting"]):
            y, loss = list(order.index).index(setting), runs["loss"]
            _losses(axes, y, loss.to_numpy(), FAMILIES[str(family)])
            if family == "public":
                axes.axvline(loss.mean(), color=style.VIOLET, linewidth=0.8, linestyle=":", zorder=0)
        axes.set_title(panel, fontsize=8.5, loc="left", color=style.MUTED)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
    first = np.atleast_1d(row)[0]
    first.set_yticks(range(len(order)), [f"{name}, {ratio:.0f}x" for name, ratio in order.items()])
    first.set_ylim(len(order) - 0.5, -0.5)
    figure.supxlabel("validation loss at the end (nats/token)", fontsize=9)
    style.set_figure_title(figure, title, 84)
    return figure


def _losses(axes: Axes, y: float, losses: NDArray[np.float64], look: style.Method) -> None:
    axes.plot(losses, np.full(len(losses), y + 0.22), ".", color=look.colour, alpha=0.6, markersize=3.5)
    if len(losses) > 1:
        interval = mean_interval(losses)
        axes.plot([interval.low, interval.high], [y, y], color=look.colour, linewidth=1.1)
    axes.plot([losses.mean()], [y], look.marker, color=look.colour, markersize=5)


def exchange(frame: pd.DataFrame, title: str, limit: float) -> Figure:
    """Return seconds of an exchange over the cores that code, one line for each format.

    `frame`: format, sending (seconds on the links), coding (seconds of one core). Thin dotted lines are what
    sending alone takes; `limit` is the round's time for all of it.
    """
    require(frame, ("format", "sending", "coding"), "exchange")
    cores = 2.0 ** np.arange(0, 9)
    figure, axes = style.new_figure(height=3.4)
    ends = []
    looks = (style.VIOLET, "#0072B2", style.AMBER, style.SLATE)
    for row, colour in zip(frame.to_dict("records"), looks, strict=False):
        seconds = row["sending"] + row["coding"] / cores
        axes.plot(cores, seconds, "-", color=colour, marker="o", markersize=3.5)
        axes.axhline(row["sending"], color=colour, linewidth=0.8, linestyle=":")
        ends.append((float(cores[-1]), float(seconds[-1]), str(row["format"]), colour))
    axes.axhline(limit, color=style.MUTED, linewidth=1)
    axes.annotate(
        f"{limit:g} s", (0, limit), xycoords=("axes fraction", "data"), xytext=(3, 3),
        textcoords="offset points", fontsize=7.5, color=style.MUTED,
    )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_locator(FixedLocator([20, 50, 100, 200, 500, 1000, 2000]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(0.9, cores[-1])
    axes.set(xlabel="cores that encode and decode", ylabel="sending and coding (s)")
    style.direct_labels(axes, ends)
    style.set_title(axes, title)
    return figure
