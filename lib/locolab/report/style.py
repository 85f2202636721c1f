"""One look everywhere: a colour and a marker per method, a word and a shape per verdict, binary bytes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import blended_transform_factory

SHEET = Path(__file__).with_name("style.mplstyle")
INK, MUTED, FAINT = "#333333", "#6B6B6B", "#BDBDBD"
SLATE, AMBER, VIOLET = "#56606B", "#A87400", "#6A51A3"
"""For quantities that are no method: parts of a payload, terms of a sum."""


class Method(NamedTuple):
    """How a training method is called and drawn."""

    label: str
    colour: str
    marker: str


METHODS: dict[str, Method] = {
    "adamw_dp": Method("AdamW data-parallel", "#333333", "s"),
    "averaging": Method("averaging", "#009E73", "v"),
    "diloco_published": Method("DiLoCo, published", "#CC79A7", "^"),
    "diloco_tuned": Method("DiLoCo, tuned", "#D55E00", "D"),
    "sparseloco": Method("SparseLoCo", "#0072B2", "o"),
}
"""Colours from Okabe and Ito's palette; a test tells them apart under three colour-vision deficiencies."""


class Mark(NamedTuple):
    """How a verdict is shown: always as a word with a shape, so that colour carries nothing alone."""

    shape: str
    marker: str
    filled: bool
    colour: str


VERDICTS: dict[str, Mark] = {
    "adds-up": Mark("●", "o", True, "#0072B2"),
    "reproduced": Mark("■", "s", True, "#0072B2"),
    "holds-small": Mark("▲", "^", True, "#0072B2"),
    "depends": Mark("◆", "D", True, "#CC79A7"),
    "inconclusive": Mark("○", "o", False, "#6B6B6B"),
    "not-seen-small": Mark("▽", "v", False, "#D55E00"),
    "does-not-add-up": Mark("✕", "x", True, "#D55E00"),
    "contradicted": Mark("✚", "P", True, "#D55E00"),
    "not-testable": Mark("–", "_", True, "#6B6B6B"),
}
NO_VERDICT = Mark("·", ".", True, "#BDBDBD")
"""What stands where a row has not been judged: not run, not yet written, or an error."""


def use() -> None:
    """Apply the style sheet to every figure made from now on."""
    matplotlib.style.use(SHEET)


def new_figure(
    width: float = 5.5, height: float = 3.2, rows: int = 1, columns: int = 1, **subplots: Any
) -> tuple[Figure, Any]:
    """Return a figure in the house style and its axes; it stays out of pyplot, so nothing shows it twice.

    `width` and `height` are in inches; `subplots` goes to ``Figure.subplots``.
    """
    use()  # titles and ticks take their looks when they are made, so a context around this would not do
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(rows, columns, **subplots)


def set_title(axes: Axes, title: str, characters: int = 66) -> None:
    """Write `title` over `axes`, wrapped at `characters` so that it stays inside the figure."""
    axes.set_title("\n".join(textwrap.wrap(title, characters)), color=INK, loc="left")


def set_figure_title(figure: Figure, title: str, characters: int = 78) -> None:
    """Write `title` over the whole figure, from its left edge; for figures of several panels."""
    figure.suptitle("\n".join(textwrap.wrap(title, characters)), x=0.01, ha="left", fontsize=9.5, color=INK)


def bytes_text(n: float) -> str:
    """Return a number of bytes in binary units with three significant digits.

    >>> [bytes_text(n) for n in (0, 512, 1536, 2**20, 0.5, 2_844_940_000)]
    ['0 B', '512 B', '1.5 KiB', '1 MiB', '0.5 B', '2.65 GiB']
    """
    size, units = float(n), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while abs(size) >= 1023.5 and len(units) > 1:
        size /= 1024
        units.pop(0)
    digits = f"{size:.0f}" if abs(size) >= 100 else f"{size:.3g}"
    return f"{digits} {units[0]}"


def byte_axis(axes: Axes, which: Literal["x", "y"] = "x", log: bool = True) -> None:
    """Give an axis of bytes binary ticks: powers of two on a log scale, KiB and MiB as labels."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    if log:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log", base=2)
        axis.set_major_locator(LogLocator(base=2, numticks=8))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: bytes_text(value)))


def direct_labels(
    axes: Axes, labels: list[tuple[float, float, str, str]], gap: float = 0.062, offset: float = 6
) -> None:
    """Write (x, y, text, colour) labels to the right of their points, pushed apart where they would overlap.

    `gap` is the least distance between two labels as a share of the axes' height, `offset` is in points.
    Call it once the limits of the axes are final.
    """
    axes.get_xlim()  # limits are worked out when they are asked for; the transform does not ask
    axes.get_ylim()
    to_share = axes.transData + axes.transAxes.inverted()
    placed = sorted((float(to_share.transform((x, y))[1]), x, text, colour) for x, y, text, colour in labels)
    heights = _spread([share for share, *_ in placed], gap)
    blend = blended_transform_factory(axes.transData, axes.transAxes)
    for height, (_, x, text, colour) in zip(heights, placed, strict=True):
        axes.annotate(
            text, (x, height), xycoords=blend, xytext=(offset, 0), textcoords="offset points",
            color=colour, va="center", ha="left", fontsize=8, annotation_clip=False,
        )  # fmt: skip


def legend_beside(axes: Axes, **options: Any) -> None:
    """Place the legend right of the axes, where it covers nothing."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, **options)


def _spread(heights: list[float], gap: float) -> list[float]:
    """Return ascending `heights` moved as little as needed so that neighbours are `gap` apart.

    >>> _spread([0.1, 0.5, 0.5], 0.1)
    [0.1, 0.45, 0.55]
    """
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _centres(groups[-1], gap)[0] - _centres(groups[-2], gap)[-1] < gap:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [round(y, 9) for group in groups for y in _centres(group, gap)]


def _centres(group: list[float], gap: float) -> list[float]:
    middle = sum(group) / len(group)
    return [middle + gap * (i - (len(group) - 1) / 2) for i in range(len(group))]
