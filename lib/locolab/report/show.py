"""What a cell displays: markdown, tables, pictures and library source; the only module that needs IPython."""

from __future__ import annotations

import ast
import html
import inspect
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML, Image, Markdown, display

from locolab.files import ROOT

PIXELS_PER_INCH = 110
SHORT = 20
"""Columns with no longer text than this do not wrap."""
NO_MATHEMATICS = 'class="tex2jax_ignore mathjax_ignore"'
"""What keeps two dollar signs in a table from being read as the ends of a formula."""


def markdown(text: str) -> None:
    """Display rendered markdown."""
    display(Markdown(text))


def picture(png: bytes, alt: str, width: float) -> None:
    """Display a PNG with its alt text, `width` inches wide at the size of the text around it."""
    display(Image(data=png, format="png", width=round(width * PIXELS_PER_INCH), alt=alt))


def table(data: pd.DataFrame, caption: str = "", digits: int = 4, fold: bool = False) -> None:
    """Display a table with its caption above and numbers at `digits` significant digits.

    With `fold` only the caption is seen until a reader opens it.
    """
    if data.empty:
        markdown(f"*{caption}: none*" if caption else "*none*")
        return
    display(HTML(table_html(data, caption, digits, fold)))


def table_html(data: pd.DataFrame, caption: str = "", digits: int = 4, fold: bool = False) -> str:
    """Return a table as HTML that needs no style sheet: JupyterLab drops those of a copy it does not trust.

    Words stand left and wrap where they are long, numbers right; nothing is read as mathematics.
    """
    looks = [_look(data[name]) for name in data]
    head = _row("th", map(str, data.columns), looks, digits)
    body = "".join(_row("td", row, looks, digits) for row in data.itertuples(index=False))
    said = html.escape(caption)
    above = f'<caption style="text-align: left">{said}</caption>' if caption and not fold else ""
    made = f"<table {NO_MATHEMATICS}>{above}<thead>{head}</thead><tbody>{body}</tbody></table>"
    return f"<details><summary>{said}</summary>{made}</details>" if fold else made


def _row(tag: str, values: Iterable[Any], looks: list[str], digits: int) -> str:
    texts = [html.escape(cell_text(value, digits)).replace("\n", "<br>") for value in values]
    cells = [f'<{tag} style="{look}">{text}</{tag}>' for text, look in zip(texts, looks, strict=True)]
    return f"<tr>{''.join(cells)}</tr>"


def _look(column: pd.Series) -> str:
    """Return the style of a column: words to the left, in one line where short; numbers to the right."""
    texts = [value for value in column if isinstance(value, str)]
    if not texts:
        return "text-align: right; vertical-align: top"
    space = "nowrap" if max(map(len, texts)) <= SHORT else "normal"
    return f"text-align: left; vertical-align: top; white-space: {space}"


def cell_text(value: Any, digits: int = 4) -> str:
    """Return a table cell: integers with thousands separators, other numbers at `digits` digits, no "nan".

    >>> [cell_text(v) for v in (72747327488, 0.123456, float("nan"), None, "yes", True)]
    ['72,747,327,488', '0.1235', '', '', 'yes', 'yes']
    """
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or hasattr(value, "bit_count"):
        return f"{int(value):,}"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def source(item: Any, docstring: bool = False) -> None:
    """Display the library's source of a function, class or module, highlighted, with where it stands."""
    text, first = source_text(item, docstring)
    path = Path(inspect.getsourcefile(item) or "")
    place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    markdown(f"`{place}`, from line {first}:\n\n```python\n{text}\n```")


def source_text(item: Any, docstring: bool = False) -> tuple[str, int]:
    """Return the source of `item` without indentation, and its first line number; docstrings go by default.

    >>> source_text(cell_text)[0].splitlines()[0]
    'def cell_text(value: Any, digits: int = 4) -> str:'
    """
    lines, first = inspect.getsourcelines(item)
    text = textwrap.dedent("".join(lines))
    if not docstring:
        text = _without_docstrings(text)
    return re.sub(r"\n{3,}", "\n\n", text).strip(), max(first, 1)


def _without_docstrings(text: str) -> str:
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)
            and ast.get_docstring(node) is not None
        ):
            quoted = node.body[0]
            for number in range(quoted.lineno - 1, quoted.end_lineno or quoted.lineno):
                lines[number] = "\0"
    return "\n".join(line for line in lines if line != "\0")
