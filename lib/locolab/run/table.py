"""What a run and the ledger look like on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from locolab.report import scorecard
from locolab.report.ledger import Ledger
from locolab.report.vocabulary import NO_VERDICT, SECTIONS
from locolab.run.gates import failing
from locolab.run.progress import duration, size

if TYPE_CHECKING:
    from locolab.run.results import Run

WIDTH = 160
"""Columns of a table in a file or a pipe, where there is no terminal to fit."""


def print_run(done: Run, page: Path, ledger: Ledger) -> None:
    """Print the scorecard of a run: its notebooks, the rows they checked, and every gate that fails it."""
    table = Table("notebook", "status", "time", "peak memory", title=f"profile {done.profile}")
    for name, each in done.states.items():
        time, peak = (duration(each.seconds), size(each.peak_bytes)) if each.seconds else ("-", "-")
        table.add_row(name, each.status, time, peak)
    shown = console()
    shown.print(table)
    shown.print(_claims(done, ledger, "claims checked", done.outcomes))
    _say_counts(shown, done)
    _print_gates(shown, done)
    _say(shown, f"results: {page}")


def print_claims(done: Run, ledger: Ledger) -> None:
    """Print every row of the ledger with its verdict at a profile; `*` marks the gated ones."""
    shown = console()
    shown.print(_claims(done, ledger, "claims", ledger))
    _say(shown, "* a run fails if this row's verdict is not the expected one")
    _say_counts(shown, done)
    missing = [name for name, each in done.states.items() if each.status != "ok"]
    if missing:
        _say(shown, f"not run, or failed: {', '.join(missing)}")
    _print_gates(shown, done)


def _claims(done: Run, ledger: Ledger, title: str, chosen: Container[str]) -> Table:
    """Return the chosen rows of the ledger as a table."""
    columns = ("claim", "verdict", "expected", "measured", "notebook")
    table = Table(*columns, title=f"{title}, profile {done.profile}")
    found = scorecard.collect(done.profile, ledger).to_dict("records")
    for claim, row in zip(ledger.values(), found, strict=True):
        if claim.id in chosen:
            expected, notebook = claim.expected_verdict or NO_VERDICT, claim.notebook or NO_VERDICT
            name = claim.id + "*" * claim.gate
            table.add_row(name, scorecard.verdict_text(row), expected, row["measured"], notebook)
    return table


def _say_counts(shown: Console, done: Run) -> None:
    """Print how many rows of each section were checked; sections are never summed."""
    for section in SECTIONS:
        rows = [row for name, row in done.outcomes.items() if name.startswith(f"{section}.")]
        verdicts = ["no verdict" if row.verdict == NO_VERDICT else row.verdict for row in rows]
        listed = ", ".join(f"{count} {verdict}" for verdict, count in sorted(Counter(verdicts).items()))
        _say(shown, f"claims checked, {section}: {len(verdicts)}" + (f" ({listed})" if listed else ""))


def _print_gates(shown: Console, done: Run) -> None:
    for gate in failing(done.gates):
        found = "was not checked" if gate.status == "not-checked" else f"got {gate.verdict}"
        _say(shown, f"GATE {gate.claim} ({gate.notebook}): expected {gate.expected}, {found}")
    for line in done.moved:
        _say(shown, f"moved since the published run: {line}")


def console() -> Console:
    """Return a console as wide as the terminal, `WIDTH` columns where there is none."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=WIDTH)


def _say(shown: Console, text: str) -> None:
    shown.print(text, markup=False, soft_wrap=True)
