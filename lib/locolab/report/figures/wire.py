"""Chapter 04: what one kept value costs on the wire, and how near that is to the bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from locolab.report import style
from locolab.report.figures.common import require

PARTS = {
    "positions": ("position", style.SLATE),
    "values": ("value", style.AMBER),
    "rest": ("scales and header", style.FAINT),
}
"""The sections of a payload, in bits per kept value."""

MARGIN = {
    "payload_bytes": (0.44, "payload"),
    "ratio_fp32": (0.73, "vs\nfp32"),
    "ratio_bf16": (1.0, "vs\nbf16"),
}
"""Columns of the margin: where they end, and their heads."""


def bits_per_value(
    frame: pd.DataFrame, title: str, margin: str = "counted for 72.7B parameters", limit: float | None = None
) -> Figure:
    """Return the chapter's signature figure: stacked bars of bits per kept value, one per format.

    `frame` in drawing order: format (name), positions, values, rest (bits per kept value), payload_bytes
    (counted, of the model that `margin` names), ratio_fp32, ratio_bf16 (None where there is no such payload).
    Bars longer than `limit` bits (default: a quarter more than the second longest) are cut, with a mark and
    their total.
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
            text = style.bytes_text(row[name]) if name == "payload_bytes" else f"{row[name]:.0f}x"
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
