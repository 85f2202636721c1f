"""How the emission vectors state what they expect: by a quantity's name, with a relation at its end.

alpha_in: [1, null]     equal within the tolerance; null says nothing
alpha_in_less_than: 5   strictly below; also _greater_than, and _max, _min (strict with tolerance "strict")
price_rises: [true]     above what it was before; also _falls and _unchanged
delta_subnet_tao: 3     what it grew by
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from chain_checks.frame import Fields, Tolerance, VectorError, confirm

RELATIONS = {
    "less_than": operator.lt,
    "less": operator.lt,
    "below": operator.lt,
    "at_most": operator.le,
    "not_greater_than": operator.le,
    "not_greater": operator.le,
    "max": operator.le,
    "greater_than": operator.gt,
    "greater": operator.gt,
    "above": operator.gt,
    "at_least": operator.ge,
    "not_less_than": operator.ge,
    "not_less": operator.ge,
    "min": operator.ge,
    "equal": operator.eq,
    "equal_to": operator.eq,
    "not_equal": operator.ne,
}
CHANGES = {
    "rises": operator.gt,
    "increases": operator.gt,
    "falls": operator.lt,
    "decreases": operator.lt,
    "unchanged": operator.eq,
}
STRICT = {operator.le: operator.lt, operator.ge: operator.gt}


def related(name: str) -> tuple[str, str] | None:
    """Return a name's quantity and the relation at its end, None if it ends in none.

    >>> related("alpha_in_not_less_than"), related("not_less"), related("alpha_in")
    (('alpha_in', 'not_less_than'), ('', 'not_less'), None)
    """
    for ending in sorted(RELATIONS, key=len, reverse=True):
        if f"_{name}".endswith(f"_{ending}"):
            return name.removesuffix(ending).removesuffix("_"), ending
    return None


class Expectations:
    """What a computation gave, asked for by the names that vectors use.

    quantities: name -> value or list, one entry a subnet or hotkey. before: the same before the computation.
    """

    def __init__(
        self,
        tolerance: Tolerance,
        quantities: Mapping[str, Any],
        before: Mapping[str, Any] | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.tolerance, self.quantities, self.before = tolerance, quantities, before or {}
        self.aliases = aliases or {}
        self.strict = tolerance.fields.take("strict", default=None)
        if self.strict not in (None, "<", ">", "<>"):
            raise VectorError(f"{tolerance.fields.where}: strict is {self.strict!r}, not < or >")

    def check_all(self, expected: Fields) -> None:
        """Check every field of `expected` that nobody has read yet."""
        own = self.tolerance.of_case(expected)
        for name in expected.unread():
            self.check(name, expected.take(name), expected.where, own)

    def check(self, name: str, expected: Any, where: str, own: Any = None) -> None:
        """Check the one expectation `name`, within `own` where its case has a tolerance of its own."""
        place, stem = f"{where}.{name}", name.removeprefix("expected_")
        if stem not in self.quantities and (found := related(name)):
            relation = RELATIONS[found[1]]
            relation = STRICT.get(relation, relation) if self.strict else relation
            self._all(relation, self._value(found[0], name, where), expected, place)
            return
        quantity, _, change = stem.rpartition("_")
        if change in CHANGES:
            got, old = self._value(quantity, name, where), self._value(quantity, name, where, self.before)
            changed = [CHANGES[change](*pair) for pair in zip(*map(np.atleast_1d, (got, old)), strict=True)]
            self._all(operator.eq, changed, expected, place)
            return
        got, wanted = _matched(self._difference(stem, name, where), expected, place)
        if got:
            names = (name, stem, self.aliases.get(stem, stem))
            self.tolerance.check(names, got, wanted, place, own)

    def _difference(self, stem: str, name: str, where: str) -> Any:
        if not stem.startswith("delta_"):
            return self._value(stem, name, where)
        quantity = stem.removeprefix("delta_")
        after, before = (self._value(quantity, name, where, side) for side in (self.quantities, self.before))
        return np.subtract(np.asarray(after, object), np.asarray(before, object))

    def _value(self, stem: str, name: str, where: str, side: Mapping[str, Any] | None = None) -> Any:
        stem, source = stem.removeprefix("expected_"), self.quantities if side is None else side
        quantity = self.aliases.get(stem, stem)
        if quantity not in source:
            raise VectorError(f"{where}: the checker does not know what to compare {name!r} with")
        return source[quantity]

    @staticmethod
    def _all(relation: Any, got: Any, expected: Any, where: str) -> None:
        for index, (value, wanted) in enumerate(zip(*_matched(got, expected, where), strict=True)):
            confirm(
                relation(value, wanted), f"{where}[{index}]: {value} should be {relation.__name__} {wanted}"
            )


def _matched(got: Any, expected: Any, where: str) -> tuple[list[Any], list[Any]]:
    """Return the values and what they should be, without entries of which nothing is expected."""
    values = list(np.atleast_1d(np.asarray(got, object)))
    wanted = expected if isinstance(expected, list) else [expected] * len(values)
    if len(wanted) != len(values):
        raise VectorError(f"{where}: {len(wanted)} values are expected, there are {len(values)}")
    pairs = [(value, want) for value, want in zip(values, wanted, strict=True) if want is not None]
    return [value for value, _ in pairs], [want for _, want in pairs]
