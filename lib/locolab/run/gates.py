"""Which verdicts a run must reproduce, which of them changed, and what else moved since the published run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from locolab.report.claims import gate_fails
from locolab.report.evidence import PUBLISHED
from locolab.report.ledger import Claim, Ledger
from locolab.report.outcomes import Checked
from locolab.report.vocabulary import NO_VERDICT
from locolab.report.wording import measured


@dataclasses.dataclass(frozen=True)
class Gate:
    """One gated row after a run.

    `status` is kept, changed, not-checked, or no-verdict (a stochastic row in smoke).
    """

    claim: str
    notebook: str
    expected: str
    verdict: str
    status: str


def rows_of(ledger: Ledger, notebook: str | None) -> list[dict[str, Any]]:
    """Return the rows that a notebook settles, as plain data; every row for None."""
    return [dataclasses.asdict(row) for row in ledger.values() if notebook in (None, row.notebook)]


def gates(ledger: Ledger, outcomes: Mapping[str, Checked], ran: Collection[str]) -> list[Gate]:
    """Return the gated rows of the notebooks that ran, each compared with its expected verdict."""
    rows = [row for row in ledger.values() if row.gate and row.status != "not-yet" and row.notebook in ran]
    return [_gate(row, outcomes.get(row.id)) for row in rows]


def failing(compared: Iterable[Gate]) -> list[Gate]:
    """Return the gates that fail a run: the verdict changed, or the notebook did not check the row."""
    return [gate for gate in compared if gate.status in ("changed", "not-checked")]


def moved(
    outcomes: Mapping[str, Checked], gated: Collection[str], profile: str, path: Path = PUBLISHED
) -> list[str]:
    """Return one line for each ungated row that differs from the published run, with old and new interval.

    Empty when nothing was published, or the published run had another profile.
    """
    if not path.exists():
        return []
    published = json.loads(path.read_text(encoding="utf-8"))
    if published["profile"] != profile:
        return []
    lines = []
    for name, row in published["claims"].items():
        old, new = Checked.from_dict(row), outcomes.get(name)
        if new is not None and name not in gated and _said(old) != _said(new):
            lines.append(f"{name}: was {_said(old)}; is {_said(new)}")
    return lines


def _gate(row: Claim, outcome: Checked | None) -> Gate:
    expected = row.expected_verdict or NO_VERDICT
    if outcome is None:
        return Gate(row.id, row.notebook or "-", expected, NO_VERDICT, "not-checked")
    if outcome.verdict == NO_VERDICT:
        return Gate(row.id, row.notebook or "-", expected, NO_VERDICT, "no-verdict")
    status = "changed" if gate_fails(row.expected_verdict, outcome.verdict) else "kept"
    return Gate(row.id, row.notebook or "-", expected, outcome.verdict, status)


def _said(outcome: Checked) -> str:
    return f"{outcome.verdict}, {measured(outcome)}"
