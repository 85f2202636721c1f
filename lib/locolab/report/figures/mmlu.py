"""Chapter 09: accuracies with their floors, table 1 as printed, standard errors over pairings, scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from locolab.report import style
from locolab.report.figures.common import OVER_LINES, require
from locolab.report.style import Method

CHANCE = 0.25
LEAST = (0.15, 0.45)
"""What every panel of accuracies shows at least: a closer look would make differences of noise."""

LOOKS = {
    "untrained": Method("untrained", style.FAINT, "X"),
    **{name: style.METHODS[name] for name in ("adamw_dp", "diloco_tuned", "sparseloco")},
    "spelling": Method("option spelled most like the question", style.SLATE, "|"),
    "control": Method("SmolLM2-135M-Instruct, Q4_1 dequantised (control)", style.AMBER, "*"),
}
"""Every model of the chapter: the three methods in their own colours, and what they are held against."""

SHORT = {"control": "SmolLM2-135M-Instruct,\nQ4_1 dequantised"}
FORMS = {"mmlu": "letter form", "mmlu_continuation": "cloze form"}

OURS = "Covenant-72B"

ROWS = {
    ("mmlu", "all"): ("letter", "MMLU (sample),\nletter form"),
    ("mmlu_continuation", "all"): ("cloze", "MMLU (sample),\ncloze form"),
    ("facts_continuation", "taught"): ("facts", "taught"),
    ("facts_continuation", "fact"): ("facts", "held-out facts"),
    ("facts_continuation", "entity"): ("facts", "held-out entities"),
    ("facts_continuation", "unstated"): ("facts", "not in our\nsentences"),
}
"""Suite and split -> panel and row of `accuracies`."""


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `scores.scores` that `accuracies` draws, with their panel and row, in its order."""
    parts = [
        table[(table["suite"] == suite) & (table["split"] == split)].assign(panel=panel, row=row)
        for (suite, split), (panel, row) in ROWS.items()
    ]
    return pd.concat(parts, ignore_index=True)


def accuracies(frame: pd.DataFrame, title: str, always: float) -> Figure:
    """Return the signature figure: a row for each set of questions, a mark for each model and seed.

    `frame` has one row per model, seed and set: arm, seed, row (its label), panel, value (a share). `always`
    is what the best constant letter gets in the first panel. Panels have axes of their own.
    """
    require(frame, ("arm", "seed", "row", "panel", "value"), "accuracies")
    panels = list(dict.fromkeys(frame["panel"]))
    rows = [list(dict.fromkeys(frame.loc[frame["panel"] == panel, "row"])) for panel in panels]
    figure, both = style.new_figure(
        6.8, 1.9 + 0.55 * sum(map(len, rows)), len(panels), squeeze=False, height_ratios=list(map(len, rows))
    )
    for axes, panel, names in zip(both[:, 0], panels, rows, strict=True):
        _panel(axes, frame[frame["panel"] == panel], names)
    first = both[0, 0]
    first.axvline(always, color=style.MUTED, linewidth=0.9, linestyle=":", zorder=0)
    first.annotate(
        "always the most frequent letter", (always, 0.5), xycoords=("data", "axes fraction"), xytext=(3, 0),
        textcoords="offset points", fontsize=7, color=style.MUTED, va="center", bbox=OVER_LINES, zorder=1,
    )  # fmt: skip
    both[-1, 0].set_xlabel("accuracy (line: 25 %, the expectation of guessing); facts in cloze form")
    present = [arm for arm in LOOKS if arm in set(frame["arm"])]
    handles = [
        first.plot([], [], LOOKS[arm].marker, color=LOOKS[arm].colour, label=LOOKS[arm].label)[0]
        for arm in present
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    style.set_figure_title(figure, title, 88)
    return figure


def _panel(axes: Axes, frame: pd.DataFrame, names: list[str]) -> None:
    """Draw one panel: models beside each other within a row, seeds as small dots, their mean as a mark."""
    arms = [arm for arm in LOOKS if arm in set(frame["arm"])]
    axes.axvline(CHANCE, color=style.FAINT, linewidth=1, zorder=0)
    for place, name in enumerate(names):
        for number, arm in enumerate(arms):
            values = frame.loc[(frame["row"] == name) & (frame["arm"] == arm), "value"]
            y, look = place + 0.6 * ((number + 0.5) / len(arms) - 0.5), LOOKS[arm]
            axes.plot(values, np.full(len(values), y), ".", color=look.colour, alpha=0.6, markersize=4)
            if len(values):
                axes.plot([values.mean()], [y], look.marker, color=look.colour, markersize=6)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, LEAST[0]), max(high, LEAST[1]))
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def forms(frame: pd.DataFrame, title: str, always: float) -> Figure:
    """Return two panels, letter and cloze form: every model's share right with its interval over questions.

    `frame` has one row per suite and model: suite, model, share, low, high. `always` is what the best
    constant letter gets, in both forms.
    """
    require(frame, ("suite", "model", "share", "low", "high"), "forms")
    models = [model for model in LOOKS if model in set(frame["model"])]
    figure, panels = style.new_figure(7.2, 2.9, 1, 2, sharey=True)
    for axes, (suite, name) in zip(panels, FORMS.items(), strict=True):
        axes.axvline(CHANCE, color=style.FAINT, linewidth=1, zorder=0)
        axes.axvline(always, color=style.MUTED, linewidth=0.9, linestyle=":", zorder=0)
        rows = frame[frame["suite"] == suite].set_index("model").loc[models, ["share", "low", "high"]]
        for place, (share, low, high) in enumerate(rows.to_numpy(np.float64)):
            look = LOOKS[models[place]]
            axes.plot([low, high], [place, place], color=look.colour, linewidth=1.4)
            axes.plot([share], [place], look.marker, color=look.colour, markersize=6)
        axes.set_title(name, fontsize=8.5, color=style.INK)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_ylim(len(models) - 0.5, -0.5)
    panels[0].set_yticks(range(len(models)), [SHORT.get(model, LOOKS[model].label) for model in models])
    figure.supxlabel(
        "share right (line: 25 %, the expectation of guessing; dotted: always the most frequent letter)",
        fontsize=8,
    )
    style.set_figure_title(figure, title, 92)
    return figure


def printed_table(frame: pd.DataFrame, title: str) -> Figure:
    """Return seven panels, one for each task of the paper's table 1, each with an axis of its own.

    `frame` has one row per task and model: task, model, score (percent, as printed).
    """
    require(frame, ("task", "model", "score"), "printed_table")
    tasks, models = (list(dict.fromkeys(frame[name])) for name in ("task", "model"))
    figure, grid = style.new_figure(7.2, 4.6, 2, 4)
    for axes, task in zip(grid.flat, tasks, strict=False):
        rows = frame[frame["task"] == task]
        for place, model in enumerate(models):
            colour = style.METHODS["sparseloco"].colour if model == OURS else style.SLATE
            marker = "o" if model == OURS else "s"
            axes.plot(rows.loc[rows["model"] == model, "score"], [place], marker, color=colour, markersize=5)
        axes.set_title(task, fontsize=8.5, color=style.INK)
        axes.set_yticks(range(len(models)), models if axes in grid[:, 0] else [])
        axes.set_ylim(len(models) - 0.5, -0.5)
        axes.grid(axis="y", visible=True)
        axes.margins(x=0.15)
    for axes in list(grid.flat)[len(tasks) :]:
        axes.set_visible(False)
    figure.supxlabel("accuracy, %, as reported in the paper; each task has its own axis", fontsize=8)
    style.set_figure_title(figure, title, 92)
    return figure


def pairings(frame: pd.DataFrame, title: str, needed: float, own: Sequence[float] = ()) -> Figure:
    """Return how many standard errors a difference is, over how often two models differ.

    `frame` has one row per share: discordant (the share), errors. `needed` is the line of the usual 95 %,
    `own` are shares of pairs of our models, marked at the foot.
    """
    require(frame, ("discordant", "errors"), "pairings")
    figure, axes = style.new_figure(5.8, 3.2)
    axes.plot(frame["discordant"], frame["errors"], color=style.METHODS["sparseloco"].colour)
    axes.axhline(needed, color=style.MUTED, linewidth=1, linestyle=":")
    axes.annotate(
        f"{needed:g}: 95 %", (1, needed), xycoords=("axes fraction", "data"), xytext=(-3, -4),
        textcoords="offset points", ha="right", va="top", fontsize=7.5, color=style.MUTED,
    )  # fmt: skip
    axes.set_ylim(bottom=0)
    if len(own):
        axes.plot(
            own,
            np.zeros(len(own)),
            "^",
            color=style.MUTED,
            clip_on=False,
            label="pairs of our models, measured",
        )
        axes.legend(loc="upper right")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("questions that one of the two has right and the other not (unknown)")
    axes.set_ylabel("difference / standard error")
    style.set_title(axes, title)
    return figure


def scale(frame: pd.DataFrame, line: pd.DataFrame, title: str) -> Figure:
    """Return published MMLU scores over training compute, and where a straight line through them leads.

    `frame` has one row per model: model, flops, mmlu (percent); `line` has flops and mmlu of the line.
    """
    require(frame, ("model", "flops", "mmlu"), "scale")
    figure, axes = style.new_figure(6.4, 3.5)
    axes.axhline(100 * CHANCE, color=style.FAINT, linewidth=1)
    axes.plot(
        line["flops"], line["mmlu"], "--", color=style.MUTED, linewidth=1,
        label="straight line: extrapolation, not a forecast",
    )  # fmt: skip
    for _, row in frame.iterrows():
        near = frame["flops"].between(1.001 * row["flops"], 1.3 * row["flops"]).any()
        axes.plot([row["flops"]], [row["mmlu"]], "o", color=style.METHODS["sparseloco"].colour)
        axes.annotate(
            row["model"], (row["flops"], row["mmlu"]), xytext=(-6 if near else 6, -3),
            textcoords="offset points", ha="right" if near else "left", fontsize=7,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(15, 75)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.set_xlabel("training compute, floating-point operations (6 x parameters x tokens)")
    axes.set_ylabel("MMLU, as reported")
    axes.legend(loc="upper left")
    style.set_title(axes, title)
    return figure
