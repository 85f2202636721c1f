"""Chapter 07: scores that settle into ratings, the strength of evidence, rounds until it tells, rewards."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from locolab.report import style
from locolab.report.figures.common import means_with_seeds, require

NOISE = "#D55E00"
SHADES = ("#08306B", "#2171B5", "#4B97C9", "#7FB3D5", "#A9CCE3")
"""From the strongest peer to the weakest; who sends noise has a colour and a dash of its own."""

SETTLING = {"raw": "relative loss drop, %", "rank": "place in the round", "rating": "mean of the rating"}
SCHEMES = {
    "templar": style.Method("by rank (public code)", "#0072B2", "o"),
    "paper": style.Method("by squared score (paper)", NOISE, "^"),
}
"""How the two ways of paying are called and drawn."""

CURVES = {8: ("#0072B2", "o"), 32: ("#A87400", "s"), 128: ("#6A51A3", "D")}


def settling(frame: pd.DataFrame, title: str) -> Figure:
    """Return one run as three panels over rounds: raw scores, places, ratings.

    `frame` has one row per round and peer: round, peer (a label, the strongest first), raw (relative loss
    drop), rank (1 is best), rating (mean of the rating after the round).
    """
    require(frame, ("round", "peer", *SETTLING), "settling")
    figure, panels = style.new_figure(7.2, 3.2, columns=3)
    names = list(dict.fromkeys(frame["peer"]))
    for axes, (column, label) in zip(panels, SETTLING.items(), strict=True):
        for place, name in enumerate(names):
            rows = frame[frame["peer"] == name]
            values = 100 * rows[column] if column == "raw" else rows[column]
            axes.plot(rows["round"], values, label=name, **_look(place, len(names)))
        axes.set_xlabel("round")
        axes.set_ylabel(label)
    panels[1].invert_yaxis()
    panels[1].set_yticks(range(1, len(names) + 1))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names))
    style.set_figure_title(figure, title, 96)
    return figure


def _look(place: int, count: int) -> dict[str, object]:
    """Return how a peer's line is drawn; the last one sends noise."""
    last = place == count - 1
    colour = NOISE if last else SHADES[min(place, len(SHADES) - 1)]
    return {"color": colour, "linewidth": 1.2, "linestyle": "--" if last else "-"}


def evidence_curves(frame: pd.DataFrame, control: pd.DataFrame, share: float, title: str) -> Figure:
    """Return the signature figure: how often assigned data gain more, over the share of the pool trained.

    `frame` has one row per seed, share and sequences: p. `control` likewise, of peers who trained other data.
    `share` is what an honest default peer trains; the arrow is the mend, drawing from that part alone.
    """
    for each in (frame, control):
        require(each, ("seed", "share", "sequences", "p"), "evidence_curves")
    figure, axes = style.new_figure(6.4, 3.9)
    axes.axhline(0.5, color=style.FAINT, linewidth=1, zorder=0)
    axes.axvline(share, color=style.MUTED, linewidth=1, linestyle=":", zorder=0)
    for n in sorted(frame["sequences"].unique()):
        _curve(axes, frame[frame["sequences"] == n], f"{n} sequences", *CURVES[n])
    fewest = int(frame["sequences"].min())
    chosen = control[control["sequences"] == fewest]
    _curve(axes, chosen, f"trained other data ({fewest} sequences)", style.INK, "x")
    axes.annotate(
        f"{share:.2%}: what an honest\ndefault peer trains", (share, 0.03), xytext=(4, 0),
        xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=7.5, color=style.MUTED,
    )  # fmt: skip
    _mend(axes, frame[frame["sequences"] == fewest], share)
    axes.set_ylim(0.3, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("share of the assigned pool that was trained")
    axes.set_ylabel("P(own gain > random gain)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    style.set_figure_title(figure, title, 84)
    return figure


def _curve(axes: Axes, rows: pd.DataFrame, label: str, colour: str, marker: str) -> None:
    method = style.Method(label, colour, marker)
    points = means_with_seeds(axes, rows, "share", "p", method)
    axes.plot(
        *zip(*points, strict=True), color=colour, marker=marker, markersize=5, linewidth=1.2, label=label
    )


def _mend(axes: Axes, rows: pd.DataFrame, share: float) -> None:
    """Draw the arrow from the evidence of the pool to that of what was really trained."""
    means = rows.groupby("share")["p"].mean()
    if share not in means.index or 1.0 not in means.index:
        return
    arrow = {"arrowstyle": "->", "color": style.MUTED, "linewidth": 1, "connectionstyle": "arc3,rad=-0.25"}
    ends = (1.0, means[1.0] + 0.02), (share, means[share] + 0.02)
    axes.annotate("", ends[0], xytext=ends[1], arrowprops=arrow)
    axes.text(
        (1 + share) / 2, 0.97, "the mend: draw from what is trained", fontsize=7.5, color=style.MUTED,
        ha="center", va="top",
    )  # fmt: skip


def rounds_needed(frame: pd.DataFrame, marks: pd.DataFrame, title: str) -> Figure:
    """Return rounds until honest work is told from other data, over the evidence of one round.

    `frame`: p, average and counting (rounds; infinite where never). `marks`: label, p, what was measured.
    """
    require(frame, ("p", "average", "counting"), "rounds_needed")
    require(marks, ("label", "p"), "rounds_needed")
    figure, axes = style.new_figure(6.0, 3.4)
    for column, label, colour, dash in (
        ("average", "moving average, 0.05", "#0072B2", "-"),
        ("counting", "all rounds count alike", "#A87400", "--"),
    ):
        rows = frame[np.isfinite(frame[column])]
        axes.plot(rows["p"], rows[column], color=colour, linestyle=dash, label=label)
    never = frame.loc[~np.isfinite(frame["average"]), "p"]
    if len(never):
        axes.axvspan(float(frame["p"].min()), float(never.max()), color=style.FAINT, alpha=0.3, linewidth=0)
        axes.text(
            float(never.mean()), 0.96, "the average\nnever tells", transform=axes.get_xaxis_transform(),
            fontsize=7.5, color=style.MUTED, ha="center", va="top",
        )  # fmt: skip
    for place, row in enumerate(marks.itertuples()):
        axes.axvline(row.p, color=style.INK, linewidth=0.9, linestyle=":")
        axes.text(
            row.p, 0.04 + 0.1 * place, f" {row.label}", transform=axes.get_xaxis_transform(), fontsize=7.5
        )
    axes.set_yscale("log")
    axes.set_yticks([1, 3, 10, 30, 100, 300, 1000])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("P(own gain > random gain) of an honest peer")
    axes.set_ylabel("rounds needed, errors of 5 % each")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    style.set_figure_title(figure, title, 80)
    return figure


def rewards(frame: pd.DataFrame, title: str) -> Figure:
    """Return what two schemes pay for the same scores, over the place by score.

    `frame` has one row per peer: place (1 is best), score, templar and paper (shares of the whole reward).
    """
    require(frame, ("place", "score", "templar", "paper"), "rewards")
    figure, axes = style.new_figure(6.0, 3.3)
    for column, (label, colour, marker) in SCHEMES.items():
        axes.plot(frame["place"], frame[column], marker, color=colour, markersize=4, label=label)
    for edge, text in ((20.5, "aggregated"), (30.5, "in reserve")):
        axes.axvline(edge, color=style.MUTED, linewidth=0.8, linestyle=":")
        axes.text(
            edge - 0.3, 0.97, text, transform=axes.get_xaxis_transform(), fontsize=7.5, color=style.MUTED,
            ha="right", va="top",
        )  # fmt: skip
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("place by final score")
    axes.set_ylabel("share of the whole reward")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    style.set_figure_title(figure, title, 80)
    return figure
