"""The command: measure, print tables, write JSON with what made it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from locolab import provenance
from locolab.config import ConfigError
from locolab.files import atomic_path, write_atomic
from locolab.run.bench import registry
from locolab.run.bench.timing import Result
from locolab.run.notebooks import closest
from locolab.run.table import console

Entries = Mapping[str, Callable[[], Result]]


def bench(
    names: Sequence[str],
    json_path: Path | None = None,
    entries: Entries | None = None,
    large: bool = False,
) -> int:
    """Return 0 after measuring the named parts, all of them if none is named.

    `json_path` receives {name: {facts, rows}} and the provenance; figures go beside it. `large`: the sizes
    that take gigabytes, of parts that have them. Raises ConfigError for an unknown name, before anything is
    measured.
    """
    if entries is None:
        entries = {name: _on_demand(name, large) for name in registry.MODULES}
    for name in names:
        if name not in entries:
            raise ConfigError(f"bench has no part {name!r}; {closest(name, entries)}")
    results, shown = {}, console()
    for name in dict.fromkeys(names or entries):
        results[name] = entries[name]()
        _print(shown, name, results[name])
    if json_path:
        write_atomic(json_path, json.dumps(_document(results), indent=1, allow_nan=False) + "\n")
        _draw(results, json_path)
    return 0


def _on_demand(name: str, large: bool) -> Callable[[], Result]:
    return lambda: registry.entry(name, large)()


def _draw(results: Mapping[str, Result], json_path: Path) -> None:
    """Write every figure beside the JSON file, named after it: out.json, out-compress-operations.png."""
    for part, result in results.items():
        for name, figure in result.figures.items():
            with atomic_path(json_path.with_name(f"{json_path.stem}-{part}-{name}.png")) as path:
                figure.savefig(path, format="png")


def _document(results: Mapping[str, Result]) -> dict[str, Any]:
    stamp = provenance.stamp(f"python -m locolab bench {' '.join(results)}")
    parts = {name: {"facts": each.facts, "rows": each.rows} for name, each in results.items()}
    return {"provenance": stamp, "parts": parts}


def _print(shown: Console, name: str, result: Result) -> None:
    """Print the rows as a table, the columns in the order of their first appearance, then the facts."""
    columns = list(dict.fromkeys(column for row in result.rows for column in row))
    table = Table(*columns, title=name)
    for row in result.rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    shown.print(table)
    for key, value in result.facts.items():
        shown.print(f"{key}: {_text(value)}", markup=False, highlight=False)


def _text(value: object) -> str:
    """Return a value as a reader wants it: numbers to four digits, nothing as a dash.

    >>> _text(0.123456), _text(17234.5), _text(None), _text("nano")
    ('0.1235', '17,234', '-', 'nano')
    """
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
