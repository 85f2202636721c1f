"""Chapter 05: every tuning trial, and what changing one setting at a time does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from locolab.report import style
from locolab.report.figures.common import means_with_seeds, require
from locolab.report.statistics import mean_interval

FADES = 0.3
"""Nats per token above a method's best trial at which a cell has lost its colour."""

TRIAL = ("arm", "setting", "inner_lr", "validation_loss")
CHANGE = ("knob", "setting", "seed", "difference")

Knobs = Mapping[str, tuple[str, Mapping[str, str]]]
SENT: Knobs = {
    "positions": ("positions (the largest)", {"random": "drawn at random"}),
    "decay": ("decay of the memory (0.95)", {"0": "0: no memory", "1": "1: nothing forgotten"}),
    "bits": ("bits of a value (2)", {"1 group=1": "1, scale per chunk"}),
    "values": (
        "values (two levels each sign)",
        {"fp32": "as they are, fp32", "templar": "public code's bins"},
    ),
    "chunk": ("chunk, same density (4096)", {}),
}
"""What a peer sends: prefix of an arm -> what is changed (what it was), and settings in words."""

COMBINED: Knobs = {
    "peers": ("peers, same tokens (4)", {}),
    "mean": (
        "sum divided by (all peers)",
        {
            "contributors": "those who sent it",
            "contributors outer_lr=1": "the same, outer step halved",
            "contributors outer_lr=0.5": "the same, outer step a quarter",
            "contributors values=templar": "the first, public code's bins",
        },
    ),
    "clip": ("long updates (left alone)", {"median_norm": "cut to the median"}),
    "momentum": ("outer momentum (0)", {}),
}
"""What becomes of it, in the same form."""


def trial_table(frame: pd.DataFrame, title: str) -> Figure:
    """Return every tuning trial as a cell: methods and outer settings down, inner learning rates across.

    `frame` has one row per trial: arm (key of `style.METHODS`), setting (what was tried beside the inner
    learning rate, "" for nothing), inner_lr, validation_loss (nats/token, at the end). The nearer to the best
    trial of its method, which has a frame, the darker.
    """
    require(frame, TRIAL, "trial_table")
    keys = list(dict.fromkeys(zip(frame["arm"], frame["setting"], strict=True)))
    rates = sorted(frame["inner_lr"].unique())
    figure, axes = style.new_figure(7.2, 1.3 + 0.24 * len(keys))
    best = frame.groupby("arm")["validation_loss"].idxmin()
    above = frame["validation_loss"] - frame.groupby("arm")["validation_loss"].transform("min")
    for index, trial in zip(frame.index, frame.to_dict("records"), strict=True):
        y, x = keys.index((trial["arm"], trial["setting"])), rates.index(trial["inner_lr"])
        shade = float(np.clip(1 - above[index] / FADES, 0.06, 1))
        _cell(axes, x, y, trial, shade, framed=index in set(best))
    axes.set_xticks(range(len(rates)), [f"{1e3 * rate:g}" for rate in rates])
    axes.set_yticks(range(len(keys)), [_trial_name(keys, y) for y in range(len(keys))])
    axes.set(xlim=(-0.55, len(rates) - 0.45), ylim=(len(keys) - 0.45, -0.55))
    axes.set_xlabel("inner learning rate (thousandths)")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    style.set_figure_title(figure, title, 96)
    return figure


def _cell(axes: Axes, x: int, y: int, trial: Mapping[Any, Any], shade: float, framed: bool) -> None:
    _, colour, _ = style.METHODS[trial["arm"]]
    axes.barh(y, 0.94, left=x - 0.47, height=0.88, color=colour, alpha=0.75 * shade, linewidth=0)
    if framed:
        axes.barh(y, 0.94, left=x - 0.47, height=0.88, color="none", edgecolor=style.INK, linewidth=1.6)
    axes.text(
        x, y, f"{trial['validation_loss']:.3f}", ha="center", va="center", fontsize=6.2,
        color="white" if shade > 0.75 else style.INK, fontweight="bold" if framed else "normal",
    )  # fmt: skip


def _trial_name(keys: Sequence[tuple[str, str]], place: int) -> str:
    """Return a row's name: the method where it begins, then what was set beside the inner learning rate."""
    arm, setting = keys[place]
    label = style.METHODS[arm].label if place == 0 or keys[place - 1][0] != arm else ""
    return f"{label}  {setting}".strip() if setting else label


def setting_text(frame: pd.DataFrame) -> list[str]:
    """Return what each trial set beside the inner learning rate; "" where that is all it set.

    For DiLoCo that is outer learning rate and momentum, for SparseLoCo outer learning rate and decay.

    `frame`: arm, outer_lr, outer_momentum, decay.
    """
    words = {
        "diloco_tuned": "outer ({0.outer_lr:g}, {0.outer_momentum:g})",
        "sparseloco": "outer lr {0.outer_lr:g}, decay {0.decay:g}",
    }
    texts = [words.get(str(row.arm), "").format(row) for row in frame.itertuples()]
    return [text + ": averaging" * (text == "outer (1, 0)") for text in texts]


def density_sweep(frame: pd.DataFrame, title: str, chunk: int, marked: int) -> Figure:
    """Return the final loss over how many values of a chunk are sent, with density and bytes of a payload.

    `frame` has one row per finished run: k, outer_lr, seed, payload_bytes (of one round), validation_loss
    (nats/token). One line for each outer learning rate; the vertical line is the published k, `marked`, of
    `chunk`.
    """
    require(frame, ("k", "outer_lr", "seed", "payload_bytes", "validation_loss"), "density_sweep")
    figure, axes = style.new_figure(height=3.6)
    label, colour, marker = style.METHODS["sparseloco"]
    rates = sorted(frame["outer_lr"].unique(), reverse=True)
    for number, rate in enumerate(rates):
        rows = frame[frame["outer_lr"] == rate].assign(k=lambda rows, n=number: rows["k"] * 1.09**n)
        method = style.Method(label, colour, marker if number == 0 else "D")
        points = means_with_seeds(axes, rows, "k", "validation_loss", method)
        drawn = {"color": colour, "linestyle": "-" if number == 0 else (0, (4, 2)), "linewidth": 1.1}
        axes.plot(*zip(*points, strict=True), zorder=1, **drawn)
        name = f"outer learning rate {rate:g}"
        axes.plot([], [], marker=method.marker, markersize=5.5, label=name, **drawn)
    axes.axvline(marked, color=style.FAINT, linewidth=1, zorder=0)
    sizes = frame.groupby("k")["payload_bytes"].mean().to_dict()
    places = [float(k) for k in frame["k"].sort_values().unique()]
    names = [f"{k:g}\n{100 * k / chunk:.3g} %\n{style.bytes_text(sizes[k])}" for k in places]
    axes.set_xscale("log", base=2)
    axes.set_xlim(places[0] / 1.7, places[-1] * 1.9)
    axes.set_xticks(places, names)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(f"values kept of each chunk of {chunk}; density; bytes of a payload")
    axes.set_ylabel("final validation loss (nats/token)")
    axes.legend(loc="upper left")
    style.set_title(axes, title)
    return figure


def changed(gaps: pd.DataFrame, knobs: Knobs) -> pd.DataFrame:
    """Return the rows of `changes` for some knobs: their names and settings in words, in the knobs' order.

    `gaps` comes from `records.gaps`; its arms are called ``knob=setting``.

    >>> gaps = pd.DataFrame({"arm": ["decay=0", "k=4"], "seed": 0, "gap": [0.2, 0.5]})
    >>> changed(gaps, SENT).values.tolist()
    [['decay of the memory (0.95)', '0: no memory', 0, 0.2]]
    """
    parts = gaps["arm"].str.split("=", n=1, expand=True)
    found = []
    for prefix, (knob, words) in knobs.items():
        rows, settings = gaps[parts[0] == prefix], parts.loc[parts[0] == prefix, 1]
        named = settings.map(lambda setting, words=words: words.get(setting, setting))
        columns = {"knob": knob, "setting": named, "seed": rows["seed"], "difference": rows["gap"]}
        found.append(pd.DataFrame(columns))
    return pd.concat(found, ignore_index=True)


def changes(
    frame: pd.DataFrame, title: str, margin: float, limit: float, against: str = "the unchanged run"
) -> Figure:
    """Return what changing one thing does: paired differences of the final loss, grouped by knob.

    `frame` in drawing order, one row per setting and seed: knob, setting, seed, difference (nats/token, minus
    the run of the same seed with nothing changed; positive is worse). Marks are means with 95 % t intervals,
    dots are seeds, the band is `margin`. A mean beyond `limit` is an arrow with its value.
    """
    require(frame, CHANGE, "changes")
    groups = list(frame.groupby("knob", sort=False))
    names: list[str] = []
    n_rows = len(groups) + sum(rows["setting"].nunique() for _, rows in groups)
    figure, axes = style.new_figure(6.2, 1.0 + 0.19 * n_rows)
    axes.set_xlim(-limit, limit)
    axes.axvspan(-margin, margin, color=style.FAINT, alpha=0.35, linewidth=0, zorder=0)
    axes.axvline(0, color=style.INK, linewidth=0.9, zorder=1)
    for knob, rows in groups:
        names.append(str(knob))
        for setting, values in rows.groupby("setting", sort=False)["difference"]:
            _change(axes, len(names), values, limit)
            names.append(str(setting))
    heads = {str(knob) for knob, _ in groups}
    axes.set_yticks(range(len(names)), names)
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if name in heads else "normal")
    axes.set(ylim=(len(names) - 0.4, -0.7), xlabel=f"final loss minus that of {against} (nats/token)")
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    style.set_figure_title(figure, title, 84)
    return figure


def _change(axes: Axes, y: int, values: pd.Series, limit: float) -> None:
    """Draw one setting: its mean with the interval, its seeds as dots below; an arrow beyond the limit."""
    colour, mean = style.METHODS["sparseloco"].colour, float(values.mean())
    if abs(mean) > limit:
        mark, side = (">", "right") if mean > 0 else ("<", "left")
        edge = float(np.copysign(0.97 * limit, mean))
        axes.plot([edge], [y], mark, color=colour, markersize=5)
        axes.annotate(
            f"{mean:+.2f}", (edge, y), xytext=(-6 * np.sign(mean), 0), textcoords="offset points", ha=side,
            va="center", fontsize=7.5, color=colour,
        )  # fmt: skip
        return
    axes.plot(values, np.full(len(values), y + 0.26), ".", color=colour, alpha=0.55, markersize=3, zorder=2)
    if len(values) > 1:
        interval = mean_interval(values)
        axes.plot([interval.low, interval.high], [y, y], color=colour, linewidth=1.1, zorder=2)
    axes.plot([mean], [y], "o", color=colour, markersize=4.5, zorder=3)
