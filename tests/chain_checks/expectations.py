"""How the emission vectors state what they expect: by a quantity's name, with a relation at its end.

alpha_in: [1, null]     equal within the tolerance; null says nothing
alpha_in_less_than: 5   strictly below; also _greater_than, and _max, _min (strict with tolerance "strict")
price_rises: [true]     above what it was before; also _falls and _unchanged
delta_subnet_tao: 3     what it grew by
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from chain_checks.frame import Fields, Tolerance, VectorError

RELATIONS = {
    "_less_than": operator.lt,
    "_below": operator.lt,
    "_at_most": operator.le,
    "_not_greater_than": operator.le,
    "_max": operator.le,
    "_greater_than": operator.gt,
    "_above": operator.gt,
    "_at_least": operator.ge,
    "_not_less_than": operator.ge,
    "_min": operator.ge,
    "_not_equal": operator.ne,
}
CHANGES = {
    "rises": operator.gt,
    "increases": operator.gt,
    "falls": operator.lt,
    "decreases": operator.lt,
    "unchanged": operator.eq,
}
STRICT = {operator.le: operator.lt, operator.ge: operator.gt}


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
        self._relative = tolerance.fields.take("rel", "relative", default=0)
        self.strict = tolerance.fields.take("strict", default=None)
        if self.strict not in (None, "<", ">", "<>"):
            raise VectorError(f"{tolerance.fields.where}: strict is {self.strict!r}, not < or >")

    def check_all(self, expected: Fields) -> None:
        """Check every field of `expected` that nobody has read yet."""
        limit = expected.take("abs_tol", "abs", "epsilon", "tolerance", default=None)
        relative = expected.take("rel_tol", "rel", default=None)
        if relative is not None:
            limit = f"expected * {relative}"
        for name in expected.unread():
            self.check(name, expected.take(name), expected.where, limit)

    def check(self, name: str, expected: Any, where: str, limit: float | str | None = None) -> None:
        """Check the one expectation `name`, within `limit` where the vector gives one of its own."""
        stem = name.removesuffix("_evaluated")
        for ending, relation in RELATIONS.items():
            if stem.endswith(ending):
                relation = STRICT.get(relation, relation) if self.strict else relation
                got = self._value(stem.removesuffix(ending), name, where)
                self._all(relation, got, expected, f"{where}.{name}")
                return
        stem = stem.removeprefix("expected_")
        quantity, _, change = stem.rpartition("_")
        if change in CHANGES:
            got, old = self._value(quantity, name, where), self._value(quantity, name, where, self.before)
            changed = [CHANGES[change](*pair) for pair in zip(*map(np.atleast_1d, (got, old)), strict=True)]
            self._all(operator.eq, changed, expected, f"{where}.{name}")
            return
        self._equal(stem, expected, self._difference(stem, name, where), f"{where}.{name}", limit)

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

    def _equal(self, stem: str, expected: Any, got: Any, where: str, limit: float | str | None) -> None:
        left, right = _matched(got, expected, where)
        if limit is None:
            limit = self.tolerance.of(stem, self.aliases.get(stem, stem))
        for index, (value, wanted) in enumerate(zip(left, right, strict=True)):
            allowed = max(allowance(limit, wanted, where), self._relative * abs(wanted))
            assert abs(value - wanted) <= allowed, (
                f"{where}[{index}]: got {value}, expected {wanted} within {allowed}"
            )

    @staticmethod
    def _all(relation: Any, got: Any, expected: Any, where: str) -> None:
        for index, (value, wanted) in enumerate(zip(*_matched(got, expected, where), strict=True)):
            assert relation(value, wanted), (
                f"{where}[{index}]: {value} should be {relation.__name__} {wanted}"
            )


def allowance(limit: float | str, wanted: float, where: str) -> float:
    """Return what a tolerance allows: a number, or words like "expected / 100", "3 around what is meant".

    >>> allowance("expected // 100", 250, ""), allowance("1 around x", 250, ""), allowance(2, 250, "")
    (2.5, 1.0, 2)
    """
    if not isinstance(limit, str):
        return limit
    if part := re.fullmatch(r"\|?expected\w*\|? *(/{1,2}|\*) *([\d.e+-]+)", limit.strip()):
        factor = float(part[2])
        return abs(wanted) * (factor if part[1] == "*" else 1 / factor)
    if number := re.match(r"[\d.e+-]+(?= around )", limit):
        return float(number[0])
    raise VectorError(f"{where}: the checker does not understand the tolerance {limit!r}")


def _matched(got: Any, expected: Any, where: str) -> tuple[list[Any], list[Any]]:
    """Return the values and what they should be, without entries of which nothing is expected."""
    values = list(np.atleast_1d(np.asarray(got, object)))
    wanted = expected if isinstance(expected, list) else [expected] * len(values)
    if len(wanted) != len(values):
        raise VectorError(f"{where}: {len(wanted)} values are expected, there are {len(values)}")
    pairs = [(value, want) for value, want in zip(values, wanted, strict=True) if want is not None]
    return [value for value, _ in pairs], [want for _, want in pairs]
