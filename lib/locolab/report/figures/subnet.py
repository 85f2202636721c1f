"""Chapter 10: what inflow does to an alpha price, what can leave, the stakers' loop, emission, votes, pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MultipleLocator, NullLocator, PercentFormatter

from locolab.economy import price_multiple, withdrawable_share_after
from locolab.report import style
from locolab.report.figures.common import MODEL, OVER_LINES, require, stamp
from locolab.report.statistics import mean_interval

RULES = "rules of 29 March 2026, a made-up subnet"
LINES = ((style.SLATE, "-"), (style.AMBER, "--"), (style.VIOLET, ":"))


def inflow(points: pd.DataFrame, outside: Mapping[str, float], title: str, most: float = 1.6) -> Figure:
    """Return the chapter's signature figure: price multiple over inflow, and what can leave afterwards.

    `points`: name, percent, inflow (net TAO paid in over the pool's TAO before), multiple. `outside`: label
    -> alpha outside the pool for each in it, before; a line each in the lower panel.
    """
    require(points, ("name", "percent", "inflow", "multiple"), "inflow")
    x = np.linspace(0, most, 200)
    figure, (above, below) = style.new_figure(height=5.2, rows=2, sharex=True, height_ratios=(1.35, 1))
    above.plot(x, price_multiple(x), color=style.SLATE)
    above.plot(points["inflow"], points["multiple"], "o", color=style.AMBER)
    above.set(xlim=(0, most), ylim=(1, float(price_multiple(most))))
    above.set_ylabel("alpha price in TAO,\nmultiple of the price before")
    _named_points(above, points)
    stamp(above, f"{MODEL}: purchases alone, nobody sells, no emission")
    ends = []
    for (label, ratio), (colour, line) in zip(outside.items(), LINES, strict=False):
        share = withdrawable_share_after(price_multiple(x), ratio)
        below.plot(x, share, line, color=colour)
        ends.append((most, float(share[-1]), label, colour))
    below.set(ylim=(0, 1), xlabel="net TAO inflow / TAO in the pool before")
    below.set_ylabel("all holders can withdraw,\nshare of spot market cap")
    below.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for share in points["inflow"]:
        below.axvline(share, color=style.FAINT, linewidth=0.7, zorder=0)
    below.text(
        0.98, 0.95, "lines: alpha outside for each in the pool, before", transform=below.transAxes,
        fontsize=7.5, color=style.MUTED, ha="right", va="top", bbox=OVER_LINES,
    )  # fmt: skip
    style.set_figure_title(figure, title)
    style.direct_labels(below, ends, gap=0.1)
    return figure


def _named_points(axes: Axes, points: pd.DataFrame) -> None:
    """Write each point's name left of it; names of neighbours are stacked."""
    last = np.inf
    for row in points.sort_values("multiple", ascending=False).to_dict("records"):
        height = min(row["multiple"], last - 0.36)
        left = row["inflow"] - 0.035 - 0.25 * (row["multiple"] - height)
        axes.annotate(
            f"{row['name']} +{row['percent']:.0f} %", (row["inflow"], row["multiple"]), xytext=(left, height),
            ha="right", va="center", fontsize=8, color=style.INK,
        )  # fmt: skip
        last = height


def slippage(frame: pd.DataFrame, title: str) -> Figure:
    """Return by how much a trade's average price is worse than the spot price, against its size.

    `frame`: share (of the pool's side that it enters), side (buy, sell), worse (fraction of the spot price).
    """
    require(frame, ("share", "side", "worse"), "slippage")
    figure, axes = style.new_figure()
    ends = []
    for (side, rows), (colour, line) in zip(frame.groupby("side", sort=False), LINES, strict=False):
        axes.plot(rows["share"], rows["worse"], line, color=colour)
        ends.append((float(rows["share"].iloc[-1]), float(rows["worse"].iloc[-1]), str(side), colour))
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value:.4%}".rstrip("0%").rstrip(".") + "%")
        )
    axes.set_xlabel("size of the trade / what the pool holds of it")
    axes.set_ylabel("average price worse than spot")
    style.set_title(axes, title)
    style.direct_labels(axes, ends)
    return figure


def caps(frame: pd.DataFrame, title: str) -> Figure:
    """Return three amounts "an alpha token's supply is worth", per TAO in the pool.

    `frame`: ratio (alpha outside for each in the pool), and one column for each amount, named as drawn.
    """
    require(frame, ("ratio",), "caps")
    figure, axes = style.new_figure()
    ends = []
    for name, (colour, line) in zip(frame.columns.drop("ratio"), LINES, strict=False):
        axes.plot(frame["ratio"], frame[name], line, color=colour)
        ends.append((float(frame["ratio"].iloc[-1]), float(frame[name].iloc[-1]), name, colour))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axhline(1, color=style.FAINT, linewidth=0.8, zorder=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    axes.set(xlabel="alpha outside the pool, for each alpha in it", ylabel="TAO, for each TAO in the pool")
    style.set_title(axes, title)
    style.direct_labels(axes, ends)
    return figure


def loop(frame: pd.DataFrame, title: str) -> Figure:
    """Return prices of simulated subnets over days: a column for each story, above prices, below emission.

    `frame`: story (panel), chase, seed, day, price (multiple of the start, in TAO), share (of the TAO
    emission, relative to an equal share). Lines are means over seeds, bands 95 % intervals.
    """
    require(frame, ("story", "chase", "seed", "day", "price", "share"), "loop")
    stories = list(frame["story"].unique())
    figure, rows = style.new_figure(
        7.2, 4.4, rows=2, columns=len(stories), sharex=True, sharey="row", squeeze=False
    )
    for column, story in enumerate(stories):
        here = frame[frame["story"] == story]
        for axes, what in zip(rows[:, column], ("price", "share"), strict=True):
            for (chase, runs), (colour, line) in zip(here.groupby("chase"), LINES, strict=False):
                _band(axes, runs, what, colour, line, f"chasing {chase:g}" if chase else "nobody chases")
        rows[0, column].set_title(story, fontsize=8.5, color=style.INK)
        rows[0, column].set_yscale("log")
        rows[1, column].set_xlabel("day")
        stamp(rows[0, column])
    rows[0, 0].yaxis.set_major_locator(FixedLocator([0.125, 0.25, 0.5, 1, 2, 4, 8, 16]))
    rows[0, 0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    rows[0, 0].yaxis.set_minor_locator(NullLocator())
    rows[0, 0].set_ylabel("price in TAO,\nmultiple of day 0")
    rows[1, 0].set_ylabel("TAO emission,\nmultiple of an equal share")
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels))
    style.set_figure_title(figure, title, 100)
    return figure


def _band(axes: Axes, runs: pd.DataFrame, what: str, colour: str, line: str, label: str) -> None:
    by_day = runs.groupby("day")[what]
    mean = by_day.mean()
    axes.plot(mean.index, mean, line, color=colour, label=label)
    if runs["seed"].nunique() > 1:
        found = [mean_interval(values) for _, values in by_day]
        low, high = [max(i.low, 1e-3) for i in found], [max(i.high, 1e-3) for i in found]
        axes.fill_between(mean.index, low, high, color=colour, alpha=0.15, linewidth=0)


def emission_paths(
    tao: pd.DataFrame, alpha: pd.DataFrame, today: Any, title: str, cap: float = 21e6
) -> Figure:
    """Return issuance over dates, of TAO (left) and of one subnet's alpha (right).

    Both frames: date and one column of tokens issued for each line, named as drawn. `today`: a date; what
    lies after it is a model.
    """
    require(tao, ("date",), "emission_paths")
    require(alpha, ("date",), "emission_paths")
    figure, panels = style.new_figure(7.2, 3.4, columns=2, sharey=True)
    for axes, frame, name in zip(panels, (tao, alpha), ("TAO", "alpha of one subnet"), strict=True):
        for column, (colour, line) in zip(frame.columns.drop("date"), LINES, strict=False):
            axes.plot(frame["date"], frame[column] / 1e6, line, color=colour, label=column)
        axes.axhline(cap / 1e6, color=style.FAINT, linewidth=0.8, zorder=0)
        axes.axvline(today, color=style.MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set_title(name, fontsize=8.5, color=style.INK)
        axes.legend(loc="lower right")
        stamp(axes, f"dashed: {today}; after it: {MODEL}")
        axes.tick_params(axis="x", labelrotation=30)
    panels[0].set(ylim=(0, 1.13 * cap / 1e6), ylabel="issued (million tokens)")
    style.set_figure_title(figure, title, 100)
    return figure


def coalition(frame: pd.DataFrame, title: str, marks: Sequence[float] = (0.49, 0.5, 0.51)) -> Figure:
    """Return what a coalition's own miner is paid, against the coalition's part of the stake.

    `frame`: coalition, incentive (the miner's share), dividends (the coalition's share), in 0..1.
    """
    require(frame, ("coalition", "incentive", "dividends"), "coalition")
    figure, axes = style.new_figure()
    axes.plot(frame["coalition"], frame["coalition"], "-", color=style.FAINT, linewidth=1, zorder=0)
    axes.plot(frame["coalition"], frame["incentive"], ".-", color=style.SLATE)
    axes.plot(frame["coalition"], frame["dividends"], "x--", color=style.AMBER, markersize=4)
    for mark in marks:
        axes.axvline(mark, color=style.FAINT, linewidth=0.7, zorder=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel="the coalition's part of the stake", ylabel="share of the subnet's payments")
    x, right = float(frame["coalition"].min()), float(frame["coalition"].max())
    axes.xaxis.set_major_locator(MultipleLocator(0.05))
    stamp(axes, RULES, place=(0.98, 0.04))
    axes.text(
        x, 0.93, "● its miner's share of the miners' pay", color=style.SLATE, fontsize=8, bbox=OVER_LINES
    )
    axes.text(
        x, 0.84, "× its own share of the validators' pay", color=style.AMBER, fontsize=8, bbox=OVER_LINES
    )
    axes.text(right, right + 0.03, "pay in proportion to stake", color=style.MUTED, fontsize=7.5, ha="right")
    style.set_title(axes, title)
    return figure


def habits(frame: pd.DataFrame, title: str) -> Figure:
    """Return validators' pay per stake by habit, dots are seeds, bars 95 % intervals.

    `frame`: rule (Yuma 2, Yuma 3), habit, seed, per_stake (share of dividends over share of stake).
    """
    require(frame, ("rule", "habit", "seed", "per_stake"), "habits")
    names = list(frame["habit"].unique())
    figure, axes = style.new_figure(height=0.9 + 0.55 * len(names))
    axes.axvline(1, color=style.FAINT, linewidth=1, zorder=0)
    for shift, ((rule, rows), (colour, _)) in enumerate(
        zip(frame.groupby("rule", sort=False), LINES, strict=False)
    ):
        for place, name in enumerate(names):
            values = rows[rows["habit"] == name]["per_stake"].to_numpy()
            y = place + 0.26 * (shift - 0.5)
            axes.plot(values, np.full(len(values), y), ".", color=colour, alpha=0.5, markersize=4)
            label = str(rule) if not place else None
            if len(values) > 1:
                found = mean_interval(values)
                axes.plot([found.low, found.high], [y + 0.1] * 2, color=colour, linewidth=1.2)
            axes.plot([values.mean()], [y + 0.1], "D", color=colour, markersize=4.5, label=label)
    axes.set_yticks(range(len(names)), names)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="share of dividends / share of stake")
    axes.grid(visible=False, axis="y")
    stamp(axes)
    style.legend_beside(axes)
    style.set_title(axes, title)
    return figure


def destinations(parts: Mapping[str, float], title: str) -> Figure:
    """Return where a day's alpha goes, a bar each, in alpha tokens and in percent of them all."""
    shown = {name: alpha for name, alpha in parts.items() if alpha >= 0.5}
    if not shown:
        raise ValueError("destinations draws the alpha of a day; all its parts are below half a token")
    total = sum(parts.values())
    figure, axes = style.new_figure(height=0.8 + 0.36 * len(shown))
    for place, (name, alpha) in enumerate(shown.items()):
        axes.barh(place, alpha, height=0.6, color=style.AMBER if name == "peers" else style.SLATE)
        axes.text(alpha + 0.01 * total, place, f"{alpha:,.0f} ({alpha / total:.1%})", va="center", fontsize=8)
    axes.set_yticks(range(len(shown)), list(shown))
    axes.set(ylim=(len(shown) - 0.5, -0.5), xlim=(0, 1.22 * max(shown.values())), xlabel="alpha tokens a day")
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    stamp(axes, RULES, place=(0.98, 0.04))
    style.set_title(axes, title)
    return figure
