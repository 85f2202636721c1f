"""What a run and the ledger look like on a terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from locolab.report import scorecard
from locolab.report.ledger import Ledger
from locolab.report.vocabulary import NO_VERDICT
from locolab.run.gates import failing
from locolab.run.progress import duration, size

if TYPE_CHECKING:
    from locolab.run.results import Run

WIDTH = 160
"""Columns of a table in a file or a pipe, where there is no terminal to fit."""


def print_run(done: Run, page: Path) -> None:
    """Print the closing table of a run, what was checked, and every gate that fails it."""
    table = Table("notebook", "status", "time", "peak memory", title=f"profile {done.profile}")
    for name, each in done.states.items():
        time, peak = (duration(each.seconds), size(each.peak_bytes)) if each.seconds else ("-", "-")
        table.add_row(name, each.status, time, peak)
    console = _console()
    console.print(table)
    _say(console, _counted(done))
    _print_gates(console, done)
    _say(console, f"results: {page}")


def print_claims(done: Run, ledger: Ledger) -> None:
    """Print every row of the ledger with its verdict at a profile; `*` marks the gated ones."""
    table = Table(
        "claim", "verdict", "expected", "measured", "notebook", title=f"claims, profile {done.profile}"
    )
    found = scorecard.collect(done.profile, ledger).to_dict("records")
    for claim, row in zip(ledger.values(), found, strict=True):
        expected, notebook = claim.expected_verdict or NO_VERDICT, claim.notebook or NO_VERDICT
        name = claim.id + "*" * claim.gate
        table.add_row(name, scorecard.verdict_text(row), expected, row["measured"], notebook)
    console = _console()
    console.print(table)
    _say(console, "* a run fails if this row's verdict is not the expected one")
    _say(console, _counted(done))
    missing = [name for name, each in done.states.items() if each.status != "ok"]
    if missing:
        _say(console, f"not run, or failed: {', '.join(missing)}")
    _print_gates(console, done)


def _counted(done: Run) -> str:
    counts = Counter(row.verdict for row in done.outcomes.values())
    listed = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    return f"claims checked: {len(done.outcomes)}" + (f" ({listed})" if listed else "")


def _print_gates(console: Console, done: Run) -> None:
    for gate in failing(done.gates):
        _say(console, f"GATE {gate.claim} ({gate.notebook}): expected {gate.expected}, got {gate.verdict}")
    for line in done.moved:
        _say(console, f"moved since the published run: {line}")


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
