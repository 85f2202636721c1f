"""Chapter 02: what synchronising every H steps saves and costs."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from locolab.report import style
from locolab.report.figures.common import baseline_at_zero, require, seeds_with_interval

COLUMNS = ("method", "seed", "local_steps", "bytes_per_million_tokens", "gap")
TRIALS = ("arm", "inner_lr", "outer_lr", "outer_momentum", "validation_loss")
OUTER_LOOKS = (("-", "D"), ("--", "s"), (":", "^"), ("-.", "v"))
"""Line and marker of each outer learning rate: one trial alone has no line."""


def gap_against_bytes(frame: pd.DataFrame, title: str, band: float = 0.0) -> Figure:
    """Return the chapter's signature figure: loss minus data-parallel over bytes, H on the upper axis.

    `frame` has one row per method (averaging, diloco_published, diloco_tuned), H and seed:
    method, seed, local_steps (H), bytes_per_million_tokens (sent by one peer per million tokens of all peers;
    the same for every dense method at one H), gap (validation loss minus data-parallel of the same seed at
    equal tokens, nats/token). `band` is the margin of "matches", shaded around 0.
    """
    require(frame, COLUMNS, "gap_against_bytes")
    figure, axes = style.new_figure()
    baseline_at_zero(axes, "AdamW data-parallel, H = 1", band)
    ends = []
    for place, (name, rows) in enumerate(frame.groupby("method", sort=False)):
        method = style.METHODS[str(name)]
        shift = 1.035 ** (place - 1)  # methods share their bytes; side by side their bars stay readable
        means = []
        for local_steps in sorted(rows["local_steps"].unique(), reverse=True):
            group = rows[rows["local_steps"] == local_steps]
            x = float(group["bytes_per_million_tokens"].mean()) * shift
            means.append((x, seeds_with_interval(axes, x, group["gap"], method)))
        axes.plot(*zip(*means, strict=True), color=method.colour, linewidth=1.2, zorder=1)
        ends.append((*means[-1], method.label, method.colour))
    style.byte_axis(axes)
    axes.set_xlabel("sent by one peer per million tokens")
    axes.set_ylabel("validation loss minus data-parallel\n(nats/token, equal tokens)")
    _steps_on_top(axes, frame)
    style.set_title(axes, title)
    right = max(x for x, _, _, _ in ends)
    beside = [(right, y, text, colour) for _, y, text, colour in ends]
    style.direct_labels(axes, beside, offset=14)  # clear of the seeds' dots
    return figure


def loss_against_tokens(frame: pd.DataFrame, title: str) -> Figure:
    """Return validation loss over tokens: thin lines are seeds, thick ones their mean.

    `frame`: method (key of `style.METHODS`), seed, tokens (of all peers), validation_loss (nats/token; rows
    without it are left out).
    """
    require(frame, ("method", "seed", "tokens", "validation_loss"), "loss_against_tokens")
    figure = _over(frame.dropna(subset=["validation_loss"]), "tokens", "validation_loss", title)
    axes = figure.axes[0]
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e6:g}M"))
    axes.set_xlabel("training tokens, all peers together")
    axes.set_ylabel("validation loss (nats/token)")
    return figure


def step_length(frame: pd.DataFrame, title: str) -> Figure:
    """Return the length of the outer step over rounds: thin lines are seeds, thick ones their mean.

    `frame`: method, seed, round, update_norm (2-norm of the change of the shared parameters).
    """
    require(frame, ("method", "seed", "round", "update_norm"), "step_length")
    figure = _over(frame, "round", "update_norm", title, bottom=0)
    axes = figure.axes[0]
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("round")
    axes.set_ylabel("length of the outer step (2-norm)")
    return figure


def trials(frame: pd.DataFrame, title: str) -> Figure:
    """Return every tuning trial: inner learning rates on the left, outer settings on the right.

    `frame` has one row per trial: arm (``diloco_tuned`` goes right, every other left), inner_lr, outer_lr,
    outer_momentum, validation_loss (nats/token, at the end). A ring marks the best trial of an arm.
    """
    require(frame, TRIALS, "trials")
    figure, (left, right) = style.new_figure(6.6, 3.7, columns=2, sharey=True)
    for name, rows in frame.groupby("arm", sort=False):
        if name == "diloco_tuned":
            for look, (outer_lr, line) in zip(OUTER_LOOKS, rows.groupby("outer_lr"), strict=False):
                _trial_line(right, line, "outer_momentum", str(name), f"DiLoCo, outer lr {outer_lr:g}", look)
            _ring(right, rows, "outer_momentum", str(name))
        else:
            _trial_line(left, rows, "inner_lr", str(name), style.METHODS[str(name)].label)
            _ring(left, rows, "inner_lr", str(name))
    _finish_trials(left, right, frame)
    figure.legend(loc="outside lower center", ncols=3)
    style.set_figure_title(figure, title)
    return figure


def _trial_line(
    axes: Axes, rows: pd.DataFrame, x: str, arm: str, label: str, look: tuple[str, str] | None = None
) -> None:
    _, colour, own = style.METHODS[arm]
    dashes, marker = look or ("-", own)
    line = rows.sort_values(x)
    axes.plot(line[x], line["validation_loss"], dashes, color=colour, marker=marker, label=label)


def _ring(axes: Axes, rows: pd.DataFrame, x: str, arm: str) -> None:
    """Draw a ring around the best trial."""
    best = rows.nsmallest(1, "validation_loss")
    colour = style.METHODS[arm].colour
    axes.plot(best[x], best["validation_loss"], "o", markersize=11, mfc="none", color=colour)


def _finish_trials(left: Axes, right: Axes, frame: pd.DataFrame) -> None:
    rates = sorted(frame["inner_lr"].unique())
    left.set_xscale("log", base=2)
    left.set_xticks(rates, [f"{1e3 * rate:g}" for rate in rates])
    left.xaxis.set_minor_locator(NullLocator())
    left.set_xlabel("inner learning rate (thousandths)")
    left.set_ylabel("validation loss at the end (nats/token)")
    right.set_xticks(sorted(frame["outer_momentum"].unique()))
    right.set_xlabel("outer momentum")


def _over(frame: pd.DataFrame, x: str, y: str, title: str, bottom: float | None = None) -> Figure:
    """Return a figure with one line per method: seeds thin, their mean thick and labelled at its end."""
    figure, axes = style.new_figure()
    ends = []
    for name, rows in frame.groupby("method", sort=False):
        method = style.METHODS[str(name)]
        for _, line in rows.groupby("seed"):
            axes.plot(line[x], line[y], color=method.colour, alpha=0.3, linewidth=0.8)
        mean = rows.groupby(x)[y].mean()
        axes.plot(mean.index, mean, color=method.colour, marker=method.marker, markersize=4)
        ends.append((float(mean.index[-1]), float(mean.iloc[-1]), method.label, method.colour))
    style.set_title(axes, title)
    axes.autoscale_view()  # labels are placed by the final limits
    axes.set_ylim(bottom=bottom)
    style.direct_labels(axes, ends)
    return figure


def _steps_on_top(axes: Axes, frame: pd.DataFrame) -> None:
    """Write H over the places on the byte axis that it leads to."""
    places = frame.groupby("local_steps")["bytes_per_million_tokens"].mean()
    top = axes.secondary_xaxis("top")
    top.set_xticks(list(places), [f"H = {steps}" for steps in places.index])
    top.tick_params(length=2, pad=1, labelsize=7.5, colors=style.MUTED)
    top.minorticks_off()
    top.spines["top"].set_visible(False)
