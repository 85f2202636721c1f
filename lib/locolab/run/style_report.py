"""How near the notebooks are to their aims: ``python -m locolab.run.style_report``; it fails nothing."""

from __future__ import annotations

import dataclasses
import io
import itertools
import statistics
import sys
import tokenize
from collections.abc import Sequence
from pathlib import Path

import nbformat
from rich.table import Table

from locolab.run.notebooks import FOLDER
from locolab.run.table import console

CELLS = {"00": (1, 20), "01": (1, 30), "13": (1, 15)}
"""Fewest and most cells of the notebooks that are no chapters."""
CHAPTER_CELLS = (25, 60)
MOST_WORDS, MEDIAN_LINES, MOST_LINES, LONG_LINES = 1800, 8, 20, 12
_LAYOUT = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


@dataclasses.dataclass(frozen=True)
class Style:
    """A notebook in numbers; `long_pairs` counts code cells above `LONG_LINES` that follow another one."""

    name: str
    cells: int
    words: int
    median_lines: float
    most_lines: int
    long_pairs: int

    def misses(self) -> list[str]:
        """Return the aims that are missed, in words."""
        low, high = CELLS.get(self.name[:2], CHAPTER_CELLS)
        found = [] if low <= self.cells <= high else [f"{self.cells} cells (aim {low}-{high})"]
        found += [f"{self.words} words (aim {MOST_WORDS})"] * (self.words > MOST_WORDS)
        lines = {"median": (self.median_lines, MEDIAN_LINES), "longest": (self.most_lines, MOST_LINES)}
        found += [f"{what} cell {n:g} lines (aim {aim})" for what, (n, aim) in lines.items() if n > aim]
        return found + [f"{self.long_pairs} long cells after long ones"] * (self.long_pairs > 0)


def code_lines(source: str) -> int:
    """Return the lines of code in a cell, without blank lines and comments.

    >>> code_lines("x = 1  # one" + chr(10) * 2 + "# two" + chr(10) + "y = 2")
    2
    """
    try:
        tokens = [
            t
            for t in tokenize.generate_tokens(io.StringIO(source).readline)
            if t.type not in (tokenize.COMMENT, *_LAYOUT)
        ]
        return len({line for token in tokens for line in range(token.start[0], token.end[0] + 1)})
    except (tokenize.TokenError, SyntaxError):
        return sum(bool(line.strip()) for line in source.splitlines())


def measure(path: Path) -> Style:
    """Return the numbers of a notebook file."""
    cells = nbformat.read(path, as_version=4).cells
    lines = [code_lines(cell.source) for cell in cells if cell.cell_type == "code"] or [0]
    words = sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    long = [cell.cell_type == "code" and code_lines(cell.source) > LONG_LINES for cell in cells]
    pairs = sum(a and b for a, b in itertools.pairwise(long))
    return Style(path.stem, len(cells), words, statistics.median(lines), max(lines), pairs)


def main(arguments: Sequence[str] = ()) -> int:
    """Return 0 after printing the numbers of every notebook in a folder, and which aims are missed."""
    folder = Path(arguments[0]) if arguments else FOLDER
    table = Table("notebook", "cells", "words", "median lines", "longest", "missed aims")
    for path in sorted(folder.glob("*.ipynb")):
        style = measure(path)
        numbers = (style.cells, style.words, style.median_lines, style.most_lines)
        table.add_row(style.name, *(f"{number:g}" for number in numbers), "; ".join(style.misses()) or "none")
    console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
