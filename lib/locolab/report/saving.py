"""Figures and records as files: atomic, and the same bytes for the same content."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from locolab.files import write_atomic
from locolab.report.style import SHEET

FIGURE_NAME = re.compile(r"fig-[a-z0-9-]+")
SVG_METADATA = {"Date": None, "Creator": None}
PNG_METADATA = {"Software": None}


def save_figure(figure: Figure, folder: Path, name: str, alt: str, data: pd.DataFrame) -> bytes:
    """Return the figure as PNG after writing NAME.svg, .png, .csv (plotted values) and .txt (alt text).

    Raises ValueError for a name unlike ``fig-something``, an alt text that says nothing, or no data.
    The figure is closed.
    """
    if not FIGURE_NAME.fullmatch(name):
        raise ValueError(f"a figure is named like its cell, fig-lower-case-words; got {name!r}")
    if len(alt.split()) < 8:
        raise ValueError(f"the alt text of {name} says what, which axes and the finding; got {alt!r}")
    if data.empty:
        raise ValueError(f"{name} has no plotted values to save beside it")
    with matplotlib.style.context(SHEET):
        svg = _render(figure, "svg", {**SVG_METADATA, "Title": name, "Description": alt})
        png = _render(figure, "png", PNG_METADATA)
    plt.close(figure)
    write_atomic(folder / f"{name}.svg", svg)
    write_atomic(folder / f"{name}.png", png)
    write_atomic(folder / f"{name}.csv", csv_text(data))
    write_atomic(folder / f"{name}.txt", alt.strip() + "\n")
    return png


def csv_text(data: pd.DataFrame) -> str:
    """Return a table as CSV with ten significant digits, the same on every platform.

    >>> csv_text(pd.DataFrame({"round": [1], "loss": [1 / 3]}))
    'round,loss\\n1,0.3333333333\\n'
    """
    return str(data.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def write_json(path: Path, record: Any) -> None:
    """Write a record as indented JSON with sorted keys; NaN and infinities are refused (ValueError)."""
    text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False, default=plain)
    write_atomic(path, text + "\n")


def plain(value: Any) -> Any:
    """Return the Python number inside a numpy or torch scalar; other plain values as they are.

    >>> import numpy as np
    >>> plain(np.float32(0.5)), plain(3)
    (0.5, 3)
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a record holds {type(value).__name__}, which JSON has no form for")


def _render(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()
