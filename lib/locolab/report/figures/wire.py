"""Chapter 04: what one kept value costs on the wire, how near that is to the bound, what its code loses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter
from numpy.typing import ArrayLike

from locolab.report import style
from locolab.report.figures.common import require

PARTS = {
    "positions": ("position", style.SLATE),
    "values": ("value", style.AMBER),
    "rest": ("scales and header", style.FAINT),
}
"""The sections of a payload, in bits per kept value."""

MARGIN = {
    "payload_bytes": (0.46, "payload"),
    "ratio_fp32": (0.74, "vs\nfp32"),
    "ratio_bf16": (1.0, "vs\nbf16"),
}
"""Columns of the margin: where they end, and their heads."""


def bits_per_value(
    frame: pd.DataFrame, title: str, margin: str = "counted for 72.7B parameters", limit: float | None = None
) -> Figure:
    """Return the chapter's signature figure: stacked bars of bits per kept value, one per format.

    `frame` in drawing order: format (name), positions, values, rest (bits per kept value), payload_bytes
    (of the model that `margin` names), ratio_fp32, ratio_bf16 (None where there is no such payload), and
    projected where that payload was not counted: it gets a tilde. Bars longer than `limit` bits (default: a
    quarter more than the second longest) are cut, with a mark and their total.
    """
    require(frame, ("format", *PARTS, *MARGIN), "bits_per_value")
    totals = frame[list(PARTS)].sum(axis=1)
    limit = limit or 1.25 * float(totals.nlargest(2).iloc[-1])
    figure, (axes, aside) = style.new_figure(
        height=1.15 + 0.34 * len(frame), columns=2, sharey=True, width_ratios=(2.2, 1)
    )
    for y, (row, total) in enumerate(zip(frame.to_dict("records"), totals, strict=True)):
        _bar(axes, y, row, float(total), limit)
        _margin(aside, y, row)
    _heads(aside, margin)
    axes.set_yticks(range(len(frame)), list(frame["format"]))
    axes.set(xlim=(0, limit), ylim=(len(frame) - 0.5, -0.5), xlabel="bits per kept value")
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    handles = [axes.barh(0, 0, color=colour, label=label) for label, colour in PARTS.values()]
    figure.legend(handles=handles, loc="outside lower left", ncols=3)
    style.set_figure_title(figure, title)
    return figure


def _bar(axes: Axes, y: int, row: Mapping[Any, Any], total: float, limit: float) -> None:
    """Draw one format's sections, cut at `limit`, with the size of each that has room, and the total."""
    left = 0.0
    for name, (_, colour) in PARTS.items():
        width = min(row[name], limit - left)
        axes.barh(y, width, left=left, height=0.62, color=colour, linewidth=0)
        if total <= limit and width > 0.06 * limit:
            axes.text(
                left + width / 2, y, f"{row[name]:.3g}", color="white", ha="center", va="center", fontsize=7.5
            )
        left += width
    if total > limit:
        parts = " + ".join(f"{row[name]:.3g}" for name in PARTS if row[name] >= 1)
        axes.text(
            limit * 0.45,
            y,
            f"{parts} = {total:.0f} (bar cut)",
            color="white",
            ha="center",
            va="center",
            fontsize=7.5,
        )
        axes.plot([limit * 0.93, limit * 0.95], [y + 0.4, y - 0.4], color="white", linewidth=3)
    else:
        axes.text(left + 0.012 * limit, y, f"{total:.2f}", va="center", fontsize=7.5, color=style.INK)


def _margin(aside: Axes, y: int, row: Mapping[Any, Any]) -> None:
    """Write the counted payload and its ratios right of a bar."""
    for name, (place, _) in MARGIN.items():
        text = "–"
        if pd.notna(row[name]):
            counted = "~" * bool(row.get("projected", False)) + style.bytes_text(row["payload_bytes"])
            text = counted if name == "payload_bytes" else f"{row[name]:.0f}x"
        aside.text(place, y, text, ha="right", va="center", fontsize=7.5, color=style.INK)


def _heads(aside: Axes, margin: str) -> None:
    """Write the heads of the margin's columns, and what was counted below them."""
    aside.set_axis_off()
    aside.set_xlim(0, 1)
    for place, head in MARGIN.values():
        aside.text(place, 1.01, head, transform=aside.transAxes, ha="right", fontsize=7.5, color=style.MUTED)
    aside.text(
        1, -0.06, margin, transform=aside.transAxes, ha="right", va="top", fontsize=7, color=style.MUTED
    )


def gaps(found: ArrayLike, chunk: int, k: int, title: str) -> Figure:
    """Return how often kept entries follow each other at each distance, beside positions drawn at random.

    `found`: distances between neighbouring kept entries of full chunks, at least 1. The line is the geometric
    distribution that `k` of `chunk` random positions approach.
    """
    distances = np.asarray(found)
    if not len(distances):
        raise ValueError("gaps draws distances of at least 1; there are none")
    edges = np.arange(0.5, 4.5 * chunk / k + 4, 4)
    share = np.histogram(distances, edges)[0] / len(distances) / 4
    at = np.arange(1, int(edges[-1]) + 1)
    density = k / chunk
    figure, axes = style.new_figure()
    axes.stairs(100 * share, edges, fill=True, color=style.SLATE, alpha=0.55, label="measured")
    random = 100 * density * (1 - density) ** (at - 1)
    axes.plot(at, random, "--", color=style.AMBER, linewidth=1.3, label="positions at random")
    axes.set(xlim=(0, edges[-1]), xlabel="distance to the kept entry before it, inside a chunk")
    axes.set_ylabel("share of distances (% per step)")
    axes.legend()
    style.set_title(axes, title)
    return figure


def bins(panels: Mapping[str, tuple[ArrayLike, ArrayLike]], title: str) -> Figure:
    """Return histograms of kept values, one panel each, with the borders of a quantiser's bins.

    `panels`: name -> (kept values in standard deviations, borders of the bins in the same unit). Above each
    bin stands its share of the values.
    """
    kept = {name: np.asarray(values) for name, (values, _) in panels.items()}
    if not kept or not all(len(values) for values in kept.values()):
        raise ValueError("bins draws panels of kept values; one or all are empty")
    limit = max(2.6, 1.05 * max(float(np.quantile(np.abs(values), 0.999)) for values in kept.values()))
    figure, rows = style.new_figure(height=0.9 + 0.85 * len(panels), rows=len(panels), sharex=True)
    for axes, (name, values) in zip(np.atleast_1d(rows), kept.items(), strict=True):
        edges = np.concatenate([[-np.inf], np.asarray(panels[name][1]), [np.inf]])
        axes.hist(values, np.linspace(-limit, limit, 121), color=style.SLATE, alpha=0.55)
        shares = np.histogram(values, edges)[0] / len(values)
        visible = np.clip(edges, -limit, limit)
        for left, right, share in zip(visible[:-1], visible[1:], shares, strict=True):
            if left == right:  # the bin lies outside the panel
                continue
            if right < limit:
                axes.axvline(right, color=style.AMBER, linewidth=1.2)
            axes.text(
                (left + right) / 2, 1.0, f"{share:.1%}", ha="center", va="bottom",
                transform=axes.get_xaxis_transform(), fontsize=7.5, color=style.INK,
            )  # fmt: skip
        axes.set(xlim=(-limit, limit), yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
        axes.grid(visible=False)
    axes.set_xlabel("kept value minus the tensor's mean, in standard deviations of its kept values")
    style.set_figure_title(figure, title)
    return figure


LOOKS = {
    "public, 4 bins": (style.VIOLET, "s", "-"),
    "1 bit": (style.MUTED, "v", "-"),
    "2 bits": ("#0072B2", "o", "-"),
    "3 bits": (style.SLATE, "^", "-"),
    "1 bit, own scale": (style.AMBER, "D", "--"),
}
"""Quantiser -> colour, marker, line."""


def errors(frame: pd.DataFrame, title: str) -> Figure:
    """Return what the quantisers lose over a run: thin lines are seeds, thick ones their mean.

    `frame`: quantiser (key of `LOOKS`), seed, round, error (relative L2 error of the kept values).
    """
    require(frame, ("quantiser", "seed", "round", "error"), "errors")
    figure, axes = style.new_figure()
    ends = []
    for name, rows in frame.groupby("quantiser", sort=False):
        colour, marker, line = LOOKS[str(name)]
        for _, seed in rows.groupby("seed"):
            axes.plot(seed["round"], seed["error"], line, color=colour, alpha=0.35, linewidth=0.7)
        mean = rows.groupby("round")["error"].mean()
        axes.plot(mean.index, mean, line, color=colour, marker=marker, markersize=4)
        ends.append((float(mean.index[-1]), float(mean.iloc[-1]), str(name), colour))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    rounds = sorted(frame["round"].unique())
    axes.set_xticks(rounds, [str(r) for r in rounds])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda _value, _place: ""))
    axes.set_xlabel("round")
    axes.set_ylabel("relative L2 error\nof the kept values")
    style.set_title(axes, title)
    style.direct_labels(axes, ends)
    return figure
