"""A row of the ledger of claims as it is written in data/claims.yaml."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

Number = int | float
PerProfile = Number | Mapping[str, Number]

RULES: dict[str, tuple[str, ...]] = {
    "rounds-to": (),
    "equal": ("value", "abs", "rel"),
    "at-least": ("value",),
    "at-most": ("value",),
    "paired": ("expects", "margin", "better"),
    "readings": ("each",),
    "none": ("reason",),
}
"""The rules and the fields each takes beside ``rule``, ``of``, ``pass`` and ``fail``."""


@dataclasses.dataclass(frozen=True)
class Check:
    """How a row is judged: a rule, what the number handed to it is (`of`), and the rule's own fields."""

    rule: str
    of: str = ""
    value: PerProfile | None = None
    abs: float = 0.0
    rel: float = 0.0
    expects: str = ""
    margin: float | str = ""
    better: str = "lower"
    each: Check | None = None
    reason: str = ""
    passes: str = ""
    fails: str = ""


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to read a statement: the condition, what it gives, and the verdict under it."""

    id: str
    condition: str
    gives: Number | str
    verdict: str
    source_says: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """One row of the ledger; the fields are explained at the head of data/claims.yaml."""

    id: str
    section: str
    places: tuple[str, ...]
    statement: str
    kind: str
    check: Check
    value: str = ""
    unit: str = ""
    faithful: str | None = None
    source: str = ""
    figures: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    notebook: str | None = None
    cell: str | None = None
    scale: str = "exact"
    expected: PerProfile | None = None
    expected_verdict: str | None = None
    gate: bool = False
    readings: tuple[Reading, ...] = ()
    conflicts_with: tuple[str, ...] = ()
    would_change: str = ""
    author_response: str = ""
    status: str = "not-run"
    quote: str = ""
    note: str = ""

    @property
    def stochastic(self) -> bool:
        """Whether the row rests on runs at our scale, whose numbers the smoke profile cannot judge."""
        return self.scale == "small"


def at_profile(value: PerProfile | None, profile: str) -> Number | None:
    """Return a number that may differ by profile.

    >>> at_profile({"smoke": 1, "fast": 2, "full": 3}, "fast")
    2
    """
    return value[profile] if isinstance(value, Mapping) else value
