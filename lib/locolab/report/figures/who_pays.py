"""Chapter 11: who pays for a service, what it would cost without the subsidy, and what decides that."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from locolab.report import style
from locolab.report.figures.common import MODEL, require, stamp

CUSTOMERS, TOKENS = style.SLATE, style.AMBER
"""What customers pay, and what is issued."""

LINES = ((style.INK, "-"), (style.SLATE, "--"), (style.AMBER, "-."), (style.VIOLET, ":"))
CUTS = {1.0: "today", 0.5: "half", 0.25: "quarter", 0.125: "eighth"}
QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def dollar(frame: pd.DataFrame, title: str) -> Figure:
    """Return a bar per way to count: the customers' part of what is received, and that of new tokens.

    `frame`: label, customers (part of the receipts, 0 to 1).
    """
    require(frame, ("label", "customers"), "dollar")
    figure, axes = style.new_figure(6.4, 0.9 + 0.34 * len(frame))
    rows = range(len(frame))
    axes.barh(rows, frame["customers"], 0.62, color=CUSTOMERS, label="customers")
    axes.barh(
        rows, 1 - frame["customers"], 0.62, left=frame["customers"], color=TOKENS, alpha=0.55,
        label="new tokens",
    )  # fmt: skip
    for row, share in zip(rows, frame["customers"], strict=True):
        axes.annotate(
            f"{share:.1%}", (1.01, row), va="center", fontsize=8, color=CUSTOMERS, annotation_clip=False
        )
    axes.set_yticks(rows, frame["label"])
    axes.set(
        xlim=(0, 1),
        ylim=(len(frame) - 0.5, -0.5),
        xlabel="part of what is received, at the prices of 29 March 2026",
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    style.set_figure_title(figure, title, 88)
    return figure


def break_even(frame: pd.DataFrame, title: str) -> Figure:
    """Return the signature figure: break-even price over the competitor's, as the subsidy goes.

    `frame`: remaining (1 is today), premium, low, high (price over the competitor's, at the two ends of the
    subsidy ratio). A band for each premium; the shade between them is what lies between the premiums.
    """
    require(frame, ("remaining", "premium", "low", "high"), "break_even")
    figure, axes = style.new_figure(6.2, 3.9)
    by_premium = {each: frame[frame["premium"] == each] for each in sorted(set(frame["premium"]))}
    least, most = by_premium[min(by_premium)], by_premium[max(by_premium)]
    axes.fill_between(
        least["remaining"], least["low"], most["high"], color=style.FAINT, alpha=0.3, linewidth=0
    )
    ends = []
    for (premium, rows), colour in zip(by_premium.items(), (style.VIOLET, style.AMBER), strict=True):
        axes.fill_between(rows["remaining"], rows["low"], rows["high"], color=colour, alpha=0.45, linewidth=0)
        for end in ("low", "high"):
            axes.plot(rows["remaining"], rows[end], color=colour, linewidth=0.9)
        ends.append((0.0, _nearest(rows, 0.0, "high"), f"premium {premium:g}x", colour))
    _competitor(axes)
    _subsidy_axis(axes)
    _times_axis(axes, "break-even price / competitor's price")
    stamp(axes, f"{MODEL}: nobody leaves,\na unit's cost stays", (0.985, 0.04))
    style.set_figure_title(figure, title, 88)
    style.direct_labels(axes, ends)
    return figure


def network(frame: pd.DataFrame, title: str) -> Figure:
    """Return what is taken and what is issued in a year, as dots or ranges on one logarithmic axis.

    `frame`: label, low, high (million USD a year), issued (whether it is new tokens), note (in the margin).
    """
    require(frame, ("label", "low", "high", "issued", "note"), "network")
    figure, axes = style.new_figure(7.0, 1.0 + 0.36 * len(frame))
    for y, row in enumerate(frame.to_dict("records")):
        colour, marker = (TOKENS, "D") if row["issued"] else (CUSTOMERS, "o")
        axes.plot(
            [row["low"], row["high"]], [y, y], color=colour, linewidth=5, solid_capstyle="butt", alpha=0.6
        )
        axes.plot([row["low"], row["high"]], [y, y], marker, color=colour, markersize=5)
        axes.annotate(
            row["note"], (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=8,
            color=style.INK,
        )  # fmt: skip
    axes.set_yticks(range(len(frame)), frame["label"])
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.set_xlim(1, 2000)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("million US dollars a year (29 March 2026)")
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.annotate(
        "market cap / this", (1.02, -0.62), xycoords=("axes fraction", "data"), fontsize=7.5,
        color=style.MUTED, va="bottom",
    )  # fmt: skip
    style.set_figure_title(figure, title, 96)
    return figure


def users(frame: pd.DataFrame, title: str) -> Figure:
    """Return price and volume as the subsidy goes, a line for each elasticity.

    `frame`: elasticity, remaining (1 is today), price (in today's), volume (part of today's).
    """
    require(frame, ("elasticity", "remaining", "price", "volume"), "users")
    figure, (left, right) = style.new_figure(7.4, 3.4, columns=2)
    halves, ends = [], []
    for (elasticity, rows), (colour, line) in zip(frame.groupby("elasticity"), LINES, strict=False):
        left.plot(rows["remaining"], rows["price"], line, color=colour)
        right.plot(rows["remaining"], rows["volume"], line, color=colour)
        halves.append((0.5, _nearest(rows, 0.5, "price"), f"{elasticity:g}", colour))
        ends.append((0.0, _nearest(rows, 0.0, "volume"), f"{elasticity:g}", colour))
    _times_axis(left, "break-even price / today's price")
    right.set(ylabel="volume / today's volume", ylim=(0, 1.03))
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _subsidy_axis(left)
    _subsidy_axis(right)
    _on_lines(left, halves)
    style.direct_labels(right, ends)
    stamp(left, place=(0.02, 0.96))
    left.annotate(
        "lines: elasticity", (0.02, 0.88), xycoords="axes fraction", fontsize=7.5, color=style.MUTED
    )
    style.set_figure_title(figure, title, 104)
    return figure


def draws(frame: pd.DataFrame, title: str) -> Figure:
    """Return price and volume over all unknown inputs, for several parts of the emission that are left.

    `frame`: left (label), quantity (price or volume), and a column for each of `QUANTILES`, in order.
    """
    require(frame, ("left", "quantity", *QUANTILES), "draws")
    figure, both = style.new_figure(7.0, 3.3, columns=2)
    for axes, (quantity, rows) in zip(both, frame.groupby("quantity", sort=False), strict=True):
        for x, row in enumerate(rows.to_dict("records")):
            spread = [row[each] for each in QUANTILES]
            axes.plot([x, x], [spread[0], spread[4]], color=style.SLATE, linewidth=1)
            axes.plot([x, x], [spread[1], spread[3]], color=style.SLATE, linewidth=6, solid_capstyle="butt")
            axes.plot(x, spread[2], "o", color="white", markeredgecolor=style.INK, markersize=5)
        axes.set_xticks(range(len(rows)), rows["left"])
        axes.set(xlim=(-0.5, len(rows) - 0.5), xlabel="emission left, of today's")
        if quantity == "price":
            _competitor(axes, below=True)
            _times_axis(axes, "break-even price / competitor's price")
        else:
            axes.set(ylabel="volume / today's volume", ylim=(0, None))
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    stamp(both[0])
    style.set_figure_title(figure, title, 98)
    return figure


def tornado(frame: pd.DataFrame, title: str) -> Figure:
    """Return one bar per input, widest on top: what its two ends do alone, and its rank correlation.

    `frame`: label, low_text, high_text (the ends of the range), at_low, at_high (price over the
    competitor's), correlation (mean over seeds).
    """
    columns = ("label", "low_text", "high_text", "at_low", "at_high", "correlation")
    require(frame, columns, "tornado")
    figure, (left, right) = style.new_figure(
        7.4, 1.3 + 0.36 * len(frame), columns=2, sharey=True, width_ratios=(2.2, 1)
    )  # fmt: skip
    for y, row in enumerate(frame.to_dict("records")):
        left.plot(
            [row["at_low"], row["at_high"]], [y, y], color=style.SLATE, linewidth=9, solid_capstyle="butt"
        )
        _end_texts(left, y, row)
        right.barh(y, row["correlation"], 0.5, color=style.AMBER)
    left.set_yticks(range(len(frame)), frame["label"])
    left.set_ylim(len(frame) - 0.5, -0.7)
    left.set_xscale("log")
    ends = frame[["at_low", "at_high"]].to_numpy()
    left.set_xlim(ends.min() / 1.6, ends.max() * 1.6)
    left.xaxis.set_major_locator(FixedLocator([0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]))
    left.xaxis.set_minor_locator(NullLocator())
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    left.set_xlabel("price / competitor's, one input at a time")
    right.set(xlim=(-1, 1), xlabel="rank correlation, all at once")
    right.axvline(0, color=style.INK, linewidth=0.8)
    for axes in (left, right):
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
    stamp(left, place=(0.98, 0.03))
    style.set_figure_title(figure, title, 104)
    return figure


def _end_texts(axes: Axes, y: int, row: dict[Any, Any]) -> None:
    """Write the ends of an input's range beside the ends of its bar."""
    low_is_left = row["at_low"] <= row["at_high"]
    for end in ("low", "high"):
        is_left = (end == "low") == low_is_left
        axes.annotate(
            row[f"{end}_text"], (row[f"at_{end}"], y), xytext=(-3 if is_left else 3, 0), va="center",
            textcoords="offset points", ha="right" if is_left else "left", fontsize=7, color=style.MUTED,
        )  # fmt: skip


def _subsidy_axis(axes: Axes) -> None:
    """Let the axis run from all of today's subsidy to none, with halvings named on top."""
    axes.set_xlim(1, 0)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("subsidy left, of today's")
    for part, name in CUTS.items():
        axes.axvline(part, color=style.FAINT, linewidth=0.7, linestyle=":", zorder=0)
        axes.annotate(
            name, (part, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
            ha="center", va="bottom", fontsize=7, color=style.MUTED,
        )  # fmt: skip


def _times_axis(axes: Axes, label: str) -> None:
    """Give a logarithmic axis of factors plain ticks at 1, 2 and 5 of every decade."""
    axes.set_yscale("log")
    ticks = [digit * 10.0**power for power in range(-3, 3) for digit in (1, 2, 5)]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylabel(label)


def _competitor(axes: Axes, below: bool = False) -> None:
    """Draw the competitor's price with its name, left above the line or right below it."""
    axes.axhline(1, color=style.INK, linewidth=1, linestyle="--", zorder=1)
    axes.annotate(
        "the competitor's\nprice" if below else "the competitor's price", (float(below), 1),
        xycoords=("axes fraction", "data"), xytext=(-3 if below else 4, -3 if below else 3),
        textcoords="offset points", fontsize=7.5, color=style.INK, ha="right" if below else "left",
        va="top" if below else "bottom",
    )  # fmt: skip


def _nearest(rows: pd.DataFrame, remaining: float, what: str) -> float:
    """Return what a line has where so much of the subsidy is left."""
    return float(rows[what].iloc[int((rows["remaining"] - remaining).abs().argmin())])


def _on_lines(axes: Axes, labels: list[tuple[float, float, str, str]]) -> None:
    """Write labels just above their lines, where the ends of the lines meet in one point."""
    for x, y, text, colour in labels:
        axes.annotate(
            text, (x, y), xytext=(-3, 3), textcoords="offset points", fontsize=8, color=colour, ha="right"
        )  # fmt: skip
