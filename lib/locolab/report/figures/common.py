"""What several chapters draw: losses against bytes, gaps to a baseline, and their marks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from locolab.report import style
from locolab.report.statistics import mean_interval


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


def _root(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def loss_against_bytes(
    frame: pd.DataFrame, title: str, x: str = "sent_bytes", y: str = "validation_loss"
) -> Figure:
    """Return loss curves over what a peer has sent, one line per method, thin lines per seed.

    `frame`: method (key of `style.METHODS`), seed, round, sent_bytes (cumulative, one peer), validation_loss
    (nats/token; rows without it are left out).
    """
    require(frame, ("method", "seed", "round", x, y), "loss_against_bytes")
    figure, axes = style.new_figure()
    for name, rows in frame.dropna(subset=[y]).groupby("method", sort=False):
        method = style.METHODS[str(name)]
        for _, line in rows.groupby("seed"):
            axes.plot(line[x], line[y], color=method.colour, alpha=0.3, linewidth=0.8)
        mean = rows.groupby("round")[[x, y]].mean()
        axes.plot(
            mean[x], mean[y], color=method.colour, marker=method.marker, markevery=0.12, markersize=4,
            label=method.label,
        )  # fmt: skip
    style.byte_axis(axes)
    axes.set_xlabel("sent by one peer since the start")
    axes.set_ylabel("validation loss (nats/token)")
    style.set_title(axes, title)
    style.legend_beside(axes)
    return figure


def gap_by_round(
    frame: pd.DataFrame, title: str, baseline: str = "data-parallel", band: float = 0.0
) -> Figure:
    """Return gaps to a baseline over rounds, one line per method with its 95 % interval shaded.

    `frame`: method, seed, round, gap (nats/token, at equal tokens). `band` is the margin drawn around 0.
    """
    require(frame, ("method", "seed", "round", "gap"), "gap_by_round")
    figure, axes = style.new_figure()
    baseline_at_zero(axes, baseline, band)
    ends = []
    for name, rows in frame.groupby("method", sort=False):
        method = style.METHODS[str(name)]
        by_round = rows.groupby("round")["gap"]
        mean = by_round.mean()
        axes.plot(mean.index, mean, color=method.colour, marker=method.marker, markevery=0.15, markersize=4)
        if rows["seed"].nunique() > 1:
            found = [mean_interval(values) for _, values in by_round]
            low, high = [i.low for i in found], [i.high for i in found]
            axes.fill_between(mean.index, low, high, color=method.colour, alpha=0.15, linewidth=0)
        ends.append((mean.index[-1], mean.iloc[-1], method.label, method.colour))
    axes.set_xlabel("round")
    axes.set_ylabel(f"validation loss minus {baseline}\n(nats/token, equal tokens)")
    style.set_title(axes, title)
    style.direct_labels(axes, ends)
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
