"""The article's arithmetic: which of its figures constrain each other, and whether they fit.

A *relation* computes one printed figure from others. Both sides are intervals, because a printed figure is
one: the relation holds where the interval computed and the interval printed have a value in common
(``adds-up``), and cannot hold where they are apart. Neither says anything about whether figures are true.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from locolab.economy.intervals import Bounds, bounds, gap
from locolab.report.ledger import Claim, Ledger
from locolab.report.printed import moved, number_of, printed
from locolab.report.scorecard import verdict_text

ADDS_UP, DOES_NOT = "adds-up", "does-not-add-up"
MOST_STEPS = 2**24
"""How many units of its last digit a figure is moved at most in search of one that fits."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure as it is printed, and the row of the ledger that it stands in.

    `exact` ones are constants of a protocol or format: they have no rounding, and are not up for change.
    `part_of` names the range that a figure is an end of.
    """

    name: str
    row: str
    text: str
    label: str
    exact: bool = False
    part_of: str = ""

    @property
    def bounds(self) -> Bounds:
        """Return the values that the figure may stand for."""
        return bounds(number_of(self.text)) if self.exact else printed(self.text)


@dataclasses.dataclass(frozen=True)
class Relation:
    """A figure that follows from others: the row that asks for it, what it is called, how it is computed.

    `compute` takes the `inputs` in order, as intervals. `reading` is the row's reading that this one is.
    """

    claim: str
    states: Figure
    inputs: tuple[Figure, ...]
    compute: Callable[..., Bounds]
    formula: str
    reading: str = ""

    @property
    def name(self) -> str:
        """Return the row's id, and the reading's where it has several."""
        return f"{self.claim}/{self.reading}" if self.reading else self.claim

    @property
    def told(self) -> str:
        """Return the relation in words.

        >>> Relation("a", Figure("s", "a", "68%", "staked"), (), Bounds, "stake / supply").told
        '68% (staked) from stake / supply'
        """
        return f"{self.states.text} ({self.states.label}) from {self.formula}"

    @property
    def computed(self) -> Bounds:
        """Return the interval that the inputs leave for the stated figure."""
        return self.compute(*(figure.bounds for figure in self.inputs))

    @property
    def measured(self) -> dict[str, float]:
        """Return value, low and high of what is computed, as `Run.check` takes them."""
        return {"value": self.value, "low": self.computed.low, "high": self.computed.high}

    @property
    def value(self) -> float:
        """Return what the printed numbers give if none of them was rounded."""
        return self.compute(*(bounds(number_of(figure.text)) for figure in self.inputs)).low

    @property
    def anchor(self) -> float:
        """Return the number that the stated figure prints; of a range or word, its value nearest to ours."""
        try:
            return number_of(self.states.text)
        except ValueError:
            return min(max(self.value, self.states.bounds.low), self.states.bounds.high)

    @property
    def verdict(self) -> str:
        """Return ``adds-up`` where computed and stated interval share a value, else ``does-not-add-up``."""
        return DOES_NOT if self._side else ADDS_UP

    @property
    def factor(self) -> float:
        """Return the factor between the nearest ends of what is computed and stated: 1 where it adds up."""
        return gap(self.computed, self.states.bounds)

    def repairs(self) -> list[Repair]:
        """Return, for each figure, the smallest change of it alone under which the relation adds up.

        Smallest in factor first; a figure has none where it is exact, a range or a word. Empty where the
        relation adds up as it is.
        """
        changes = [found for figure in (self.states, *self.inputs) if (found := self._repair(figure))]
        return sorted(changes, key=lambda change: (change.factor, change.figure.name))

    def takes(self, names: Iterable[str]) -> bool:
        """Return whether any of the figures named is the stated one or an input."""
        return any(figure.name in names for figure in (self.states, *self.inputs))

    def changed(self, texts: Mapping[str, str]) -> Relation:
        """Return the relation with some figures, by name, printed differently."""
        states, *inputs = (
            dataclasses.replace(figure, text=texts.get(figure.name, figure.text))
            for figure in (self.states, *self.inputs)
        )
        return dataclasses.replace(self, states=states, inputs=tuple(inputs))

    @property
    def _side(self) -> int:
        """Return -1 if the computed interval lies below the stated one, 1 above, 0 where they meet."""
        computed, stated = self.computed, self.states.bounds
        return (computed.low > stated.high) - (computed.high < stated.low)

    def _repair(self, figure: Figure) -> Repair | None:
        """Return the nearest figure that fits; as the roundings of neighbours meet, no fit is jumped over."""
        if figure.exact or self._side == 0:
            return None
        found = []
        for direction in (1, -1):
            try:
                steps = _first(lambda n, way=direction: self._leaves(figure, way * n))
                found.append(Repair(figure, moved(figure.text, direction * steps)))
            except ValueError:  # no number that can be moved, or none that fits on this side
                continue
        return min(found, key=lambda change: change.factor, default=None)

    def _leaves(self, figure: Figure, steps: int) -> bool:
        """Return whether a figure moved by `steps` brings the sides together, or cannot be moved so far."""
        try:
            return self.changed({figure.name: moved(figure.text, steps)})._side != self._side
        except ValueError:
            return True


@dataclasses.dataclass(frozen=True)
class Repair:
    """One figure, and what would have to be printed in its place."""

    figure: Figure
    text: str

    @property
    def factor(self) -> float:
        """Return by what the printed number is multiplied or divided, whichever is above 1."""
        ratio = number_of(self.text) / number_of(self.figure.text)
        return max(ratio, 1 / ratio)


def evaluate(compute: Callable[..., Bounds], *texts: str) -> dict[str, float]:
    """Return value, low and high of a formula of printed figures: at the numbers, and over their rounding.

    >>> evaluate(lambda staked, supply: 100 * staked / supply, "~7.34M", "~10.78M")
    {'value': 68.08..., 'low': 68.01..., 'high': 68.16...}
    """
    exact, rounded = (compute(*map(read, texts)) for read in (lambda t: bounds(number_of(t)), printed))
    return {"value": exact.low, "low": rounded.low, "high": rounded.high}


def table(relations: Iterable[Relation], ledger: Ledger) -> pd.DataFrame:
    """Return one row per relation, those furthest apart first, then those whose numbers differ most.

    Columns: relation (row and reading), label, formula, stated (as printed), value, low, high (computed),
    anchor (the stated number), stated_low, stated_high, factor (1: adds up), verdict, chapter (that judges
    the row).
    """
    rows: list[dict[str, Any]] = [
        {
            "relation": each.name,
            "label": each.states.label,
            "formula": each.formula,
            "stated": each.states.text,
            **each.measured,
            "anchor": each.anchor,
            "stated_low": each.states.bounds.low,
            "stated_high": each.states.bounds.high,
            "factor": each.factor,
            "verdict": each.verdict,
            "chapter": (ledger[each.claim].notebook or "")[:2],
        }
        for each in relations
    ]
    rows.sort(key=lambda row: (-row["factor"], -abs(math.log(row["value"] / row["anchor"])), row["relation"]))
    return pd.DataFrame(rows)


def repairs(relations: Iterable[Relation]) -> pd.DataFrame:
    """Return the smallest change of each single figure under which a relation would add up.

    Columns: relation, what (does not add up), figure (the one that changes), printed, would be, factor.
    """
    rows = [
        (each.name, each.told, change.figure.label, change.figure.text, change.text, change.factor)
        for each in relations
        for change in each.repairs()
    ]
    columns = ["relation", "what", "figure", "printed", "would be", "factor"]
    return pd.DataFrame(rows, columns=columns)


def reconciled(relations: Iterable[Relation], ledger: Ledger) -> pd.DataFrame:
    """Return the rows that do not add up, or only under some readings, with what would let both hold."""
    claims = dict.fromkeys(each.claim for each in relations if each.verdict == DOES_NOT)
    rows = [
        (verdict_text({"verdict": row.expected_verdict}), row.statement, row.note, row.would_change)
        for row in (ledger[name] for name in claims)
    ]
    columns = ["verdict", "statement", "how both may hold", "what would change the verdict"]
    return pd.DataFrame(rows, columns=columns)


def conflicts(ledger: Ledger) -> pd.DataFrame:
    """Return the pairs of statements of the article that cannot both be taken at their word, each pair once.

    Columns: statement, where (in the article), against, where it stands.
    """
    rows = [
        (claim.statement, _where(claim), ledger[name].statement, _where(ledger[name]))
        for claim in ledger.section("article").values()
        for name in claim.conflicts_with
        if claim.id < name
    ]
    return pd.DataFrame(rows, columns=["statement", "where", "against", "where it stands"])


def _where(claim: Claim) -> str:
    """Return where the article makes a statement: its first section, else the part it stands in."""
    sections = [place[1:].partition(".")[0] for place in claim.places if place[1:2].isdigit()]
    return f"section {sections[0]}" if sections else claim.places[0]


def _first(test: Callable[..., bool]) -> int:
    """Return the smallest n from 1 on for which `test`, false up to some n and true after it, is true.

    >>> _first(lambda n: n >= 37)
    37
    """
    high = next((n for n in _doubling() if test(n)), None)
    if high is None:
        raise ValueError(f"nothing up to {MOST_STEPS} steps")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if test(middle) else (middle, high)
    return high


def _doubling() -> Iterator[int]:
    n = 1
    while n <= MOST_STEPS:
        yield n
        n *= 2
