"""What several chapters' figures share: table checks, seeds with intervals, baselines, alt texts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from locolab.report import style
from locolab.report.statistics import mean_interval

MODEL = "model, not forecast"
"""What stands in every figure of a simulation of money."""

OVER_LINES = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
"""The ground of a text that lines would cross."""


def require(frame: pd.DataFrame, columns: Iterable[str], figure: str) -> None:
    """Raise ValueError naming the columns that `figure` needs and `frame` lacks."""
    missing = [name for name in columns if name not in frame.columns]
    if missing or frame.empty:
        what = f"lacks {', '.join(missing)}" if missing else "has no rows"
        raise ValueError(f"{figure} draws a tidy table with {', '.join(columns)}; this one {what}")


def seeds_with_interval(
    axes: Axes, x: float, values: Iterable[float], method: style.Method, label: str | None = None
) -> float:
    """Return the mean after drawing it at `x`, its 95 % t interval as a bar, every seed as a dot beside it.

    One seed alone is drawn as its mark, without a bar.
    """
    y = np.asarray(list(values), dtype=float)
    mean = float(y.mean())
    beside = axes.transData + ScaledTranslation(6 / 72, 0, _root(axes).dpi_scale_trans)
    axes.plot(
        np.full(len(y), x), y, ".", color=method.colour, alpha=0.6, markersize=3.5, transform=beside, zorder=2
    )
    if len(y) > 1:
        interval = mean_interval(y)
        axes.plot([x, x], [interval.low, interval.high], color=method.colour, linewidth=1.1, zorder=2)
    axes.plot([x], [mean], method.marker, color=method.colour, markersize=5.5, label=label, zorder=3)
    return mean


def means_with_seeds(
    axes: Axes, rows: pd.DataFrame, x: str, y: str, method: style.Method
) -> list[tuple[float, float]]:
    """Return x and mean y of every group of rows, after drawing its seeds and interval."""
    places = sorted(float(at) for at in rows[x].unique())
    return [(at, seeds_with_interval(axes, at, rows.loc[rows[x] == at, y], method)) for at in places]


def _root(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def baseline_at_zero(axes: Axes, label: str, band: float = 0.0) -> None:
    """Draw the baseline of a gap: a line at 0 with its name, and the margin around it shaded."""
    method = style.METHODS["adamw_dp"]
    if band:
        axes.axhspan(-band, band, color=style.FAINT, alpha=0.35, linewidth=0, zorder=0)
    axes.axhline(0, color=method.colour, linewidth=1, zorder=1)
    axes.annotate(
        label, (0, 0), xycoords=("axes fraction", "data"), xytext=(3, -4), textcoords="offset points",
        color=method.colour, fontsize=7.5, va="top",
    )  # fmt: skip


def stamp(axes: Axes, text: str = MODEL, place: tuple[float, float] = (0.02, 0.96)) -> None:
    """Write inside the axes that this is a model."""
    right, top = place[0] > 0.5, place[1] > 0.5
    axes.text(
        *place, text, transform=axes.transAxes, fontsize=7, style="italic", color=style.MUTED,
        ha="right" if right else "left", va="top" if top else "bottom", bbox=OVER_LINES,
    )  # fmt: skip


def listed(values: pd.Series, spec: str = ".3f") -> str:
    """Return names and values in a row, for an alt text.

    >>> listed(pd.Series({("averaging", 5): 0.125, ("averaging", 15): 0.25}), "+.2f")
    'averaging 5 +0.12, averaging 15 +0.25'
    """
    names = (" ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in values.index)
    return ", ".join(f"{name} {value:{spec}}" for name, value in zip(names, values, strict=True))
