"""Chapter 03: what memory delivers."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from locolab.report import style
from locolab.report.figures.common import require

SPARSE = style.METHODS["sparseloco"]
LINES = {
    ("magnitude", True): ("top-k, memory", SPARSE.colour, "-", "o"),
    ("magnitude", False): ("top-k, no memory", SPARSE.colour, "--", "o"),
    ("random", True): ("random-k, memory", style.MUTED, "-", "X"),
    ("random", False): ("random-k, no memory", style.MUTED, "--", "X"),
}
"""Selection by colour and mark, memory by solid or dashed line."""

SHARES = {
    "arrived": ("sent", SPARSE.colour),
    "remembered": ("in memory", "#8FC1E3"),
    "forgotten": ("forgotten", "#D9D9D9"),
}


def cosine_by_round(frame: pd.DataFrame, title: str) -> Figure:
    """Return the chapter's signature figure: what arrived against what was meant, by round.

    `frame`: round, selection (magnitude or random), feedback (whether there is memory), seed, cosine (between
    the running sums of the frozen pseudo-gradients and of what was sent). Thin lines are seeds, thick means.
    """
    require(frame, ("round", "selection", "feedback", "seed", "cosine"), "cosine_by_round")
    figure, axes = style.new_figure()
    ends = []
    for (selection, memory), rows in frame.groupby(["selection", "feedback"], sort=False):
        label, colour, dashes, mark = LINES[str(selection), bool(memory)]
        mean = _mean_with_seeds(axes, rows, "cosine", colour, dashes, mark)
        ends.append((mean.index[-1], mean.iloc[-1], label, colour))
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("round")
    axes.set_ylabel("cosine of sums\n(sent, produced)")
    style.set_title(axes, title)
    style.direct_labels(axes, ends)
    return figure


def shares_by_round(frame: pd.DataFrame, title: str) -> Figure:
    """Return where the pseudo-gradients went, with and without memory side by side, as stacked areas.

    `frame`: round, feedback, arrived, remembered, forgotten (shares of the produced sum, adding up to 1); one
    selection; several seeds are averaged.
    """
    require(frame, ("round", "feedback", *SHARES), "shares_by_round")
    figure, panels = style.new_figure(columns=2, sharey=True)
    for axes, memory in zip(panels, (True, False), strict=True):
        mean = frame[frame["feedback"] == memory].groupby("round")[list(SHARES)].mean()
        axes.stackplot(
            mean.index, mean.T.to_numpy(), colors=[colour for _, colour in SHARES.values()],
            labels=[label for label, _ in SHARES.values()], linewidth=0,
        )  # fmt: skip
        axes.set_xlabel("round, with memory" if memory else "round, without memory")
        axes.margins(x=0)
    panels[0].set_ylabel("share of what was produced")
    panels[0].set_ylim(0, 1)
    style.set_figure_title(figure, title)
    style.legend_beside(panels[1], reverse=True)
    return figure


def momentum_by_round(frame: pd.DataFrame, title: str) -> Figure:
    """Return how near memory comes to outer momentum: three cosines with the momentum of the same sequence.

    `frame`: round, seed, feedback_momentum, sent_momentum, produced_momentum and, where a control was run,
    feedback_unrelated (memory against the momentum of another sequence).
    """
    lines = {
        "feedback_momentum": ("memory", SPARSE.colour, "-", "o"),
        "sent_momentum": ("what is sent", style.AMBER, "-", "D"),
        "produced_momentum": ("pseudo-gradient", style.VIOLET, "-", "s"),
        "feedback_unrelated": ("control: other sequence", style.MUTED, "--", "X"),
    }
    require(frame, ("round", "seed", *list(lines)[:3]), "momentum_by_round")
    figure, axes = style.new_figure()
    ends = []
    for column, (label, *look) in lines.items():
        if column in frame:
            mean = _mean_with_seeds(axes, frame, column, *look)
            ends.append((mean.index[-1], mean.iloc[-1], label, look[0]))
    axes.axhline(0, color=style.FAINT, linewidth=0.8)
    axes.set_xlabel("round")
    axes.set_ylabel("cosine with outer momentum")
    style.set_title(axes, title)
    style.direct_labels(axes, ends)
    return figure


def _mean_with_seeds(
    axes: Axes, rows: pd.DataFrame, column: str, colour: str, dashes: str, mark: str
) -> pd.Series:
    """Return the mean over seeds after drawing it thick and every seed thin."""
    for _, line in rows.groupby("seed"):
        axes.plot(line["round"], line[column], color=colour, linestyle=dashes, alpha=0.35, linewidth=0.7)
    mean = rows.groupby("round")[column].mean()
    axes.plot(mean.index, mean, color=colour, linestyle=dashes, marker=mark, markevery=0.15, markersize=4)
    return mean
