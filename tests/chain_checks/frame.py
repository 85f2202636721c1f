"""What every checker of chain vectors uses: the registry, fields that must all be read, tolerances.

A checker is a function of one `Fields`, registered for the kinds that it knows:

    @checks("block_emission")
    def check_block_emission(vector: Fields) -> None:
        tolerance = Tolerance(vector)
        for case in vector.each("cases"):
            tolerance.check("emission", emission(case.take("issuance")), case.take("emission"), case.where)

`check_vector` finds it and then fails if any field was left unread, or if the vector or one of its cases led
to no comparison, so that nothing in a vector is skipped in silence. Fields that only explain may stand
anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from chain_checks.formulas import VectorError, allowance

DOCUMENTATION = {"schema", "id", "kind", "tag", "source", "source_detail", "summary", "derived", "notes"}
REMARK = re.compile(  # names of fields that only explain, in any object
    r"(comment|note|remark|description|summary|source|derived|why|reason|explanation)s?(_\w+)?"
    r"|label|title|name|generator|\w+_(comments?|notes?|remarks?|in_words|source|src)"
)
REQUIRED = object()
compared = 0  # how many comparisons were made so far


class Fields:
    """One JSON object of a vector, which knows where it stands and which of its fields were read."""

    def __init__(self, data: Any, where: str, ignored: set[str] | None = None) -> None:
        if not isinstance(data, Mapping):
            raise VectorError(f"{where} is {data!r}, not an object")
        self.data, self.where = data, where
        self._read = {name for name in data if REMARK.fullmatch(name)} | (ignored or set())
        self._inner: list[Fields] = []

    def __contains__(self, name: str) -> bool:
        return name in self.data

    def take(self, *names: str, default: Any = REQUIRED) -> Any:
        """Return the first field present among `names` and mark it as read."""
        for name in names:
            if name in self.data:
                self._read.add(name)
                return self.data[name]
        if default is REQUIRED:
            raise VectorError(
                f"{self.where} has no field {' or '.join(map(repr, names))}: {sorted(self.data)}"
            )
        return default

    def inner(self, name: str) -> Fields:
        """Return the object in field `name`; an absent one is empty. Its fields must be read as well."""
        return self._keep(Fields(self.take(name, default={}), f"{self.where}.{name}"))

    def each(self, name: str) -> Iterator[Fields]:
        """Yield the objects in the list `name`; an absent or null list is empty."""
        for index, item in enumerate(self.take(name, default=None) or []):
            yield self._keep(Fields(item, f"{self.where}.{name}[{index}]"))

    def cases(self) -> Iterator[Fields]:
        """Yield the objects in `cases`; one that leads to no comparison raises VectorError."""
        for case in self.each("cases"):
            before = compared
            yield case
            if compared == before:
                raise VectorError(f"{case.where}: nothing is expected of this case")

    def unread(self) -> list[str]:
        """Return the names of the fields that were not read yet."""
        return [name for name in self.data if name not in self._read]

    def finish(self) -> None:
        """Raise VectorError if a field here or in an object taken from here was never read."""
        if unread := self.unread():
            raise VectorError(f"{self.where}: the checker does not know the field(s) {', '.join(unread)}")
        for fields in self._inner:
            fields.finish()

    def _keep(self, fields: Fields) -> Fields:
        self._inner.append(fields)
        return fields


def confirm(holds: Any, message: str) -> None:
    """Raise AssertionError with `message` unless `holds`; every comparison of a checker goes through here."""
    global compared
    compared += 1
    assert holds, message


class Tolerance:
    """The vector's own tolerance: a number or formula for all fields or one for each; absent means exact."""

    _EVERY = ("all", "abs", "abs_tol", "epsilon", "default")  # hold for every field without a form of its own
    _RELATIVE = ("rel", "relative", "rel_tol")
    _OF_CASE = ("abs_tol", "tolerance", "epsilon", "abs")  # names of a case's own

    def __init__(self, vector: Fields) -> None:
        self.fields = vector.inner("tolerance")
        for name, limit in self.fields.data.items():
            if limit == 0:  # what has no tolerance of its own is exact anyway
                self.fields.take(name)
        self._every = [self.fields.take(name, default=None) for name in self._EVERY]
        self._relative = [self.fields.take(name, default=0) for name in self._RELATIVE]
        self._own = {*self._OF_CASE, self.fields.take("per_case", default="abs_tol")}

    def of_case(self, case: Fields) -> Any:
        """Return the form of a case's own tolerance, None if it has none."""
        relative = case.take(*self._RELATIVE, default=None)
        form = case.take(*sorted(self._own), default=None)
        return form if relative is None else {"rel": relative}

    def of(self, *names: str) -> Any:
        """Return the form for the field that goes by one of `names`.

        It stands under such a name or under some of its words: that of "price" is for "price_after" as well.
        """
        forms = [self.fields.take(*names, default=None) if names else None]
        words = set("_".join(names[:1]).split("_"))
        fitting = [name for name in self.fields.data if set(name.split("_")) <= words]
        forms += [self.fields.take(name) for name in sorted(fitting, key=len, reverse=True)]
        return next((form for form in (*forms, *self._every) if form is not None), 0)

    def check(
        self,
        names: str | tuple[str, ...],
        got: Any,
        expected: Any,
        where: str,
        own: Any = None,
        scope: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise AssertionError unless `got` is `expected` within the tolerance of the field `names`.

        own: the form of the case's own tolerance. scope: names that forms may use. Integers with tolerance 0
        are compared as Python integers, so u64 amounts stay exact.
        """
        aliases = (names,) if isinstance(names, str) else names
        form = self.of(*aliases) if own is None else own
        left, right = np.asarray(got, object), np.asarray(expected, object)
        same = left.shape == right.shape
        confirm(same, f"{where} {aliases[0]}: shape {left.shape}, expected {right.shape}")
        for index in np.ndindex(left.shape):
            value, wanted = left[index], right[index]
            allowed = allowance(form, wanted, value, scope or {})
            allowed = max(allowed, *(part * abs(wanted) for part in self._relative))
            confirm(
                abs(value - wanted) <= allowed,
                f"{where} {aliases[0]}{list(index)}: got {value}, expected {wanted} within {allowed}",
            )


Checker = Callable[[Fields], None]
CHECKERS: dict[str, Checker] = {}


def checks(*kinds: str) -> Callable[[Checker], Checker]:
    """Return a decorator that registers a checker for `kinds`."""

    def register(checker: Checker) -> Checker:
        for kind in kinds:
            assert kind not in CHECKERS, f"two checkers for {kind}"
            CHECKERS[kind] = checker
        return checker

    return register


def check_vector(data: Mapping[str, Any], where: str) -> None:
    """Check one vector with the checker of its kind; an unknown kind or field raises VectorError."""
    vector, before = Fields(evaluated(data), where, DOCUMENTATION), compared
    kind = data.get("kind")
    if kind not in CHECKERS:
        raise VectorError(f"{where}: no checker for kind {kind!r}; there is {', '.join(sorted(CHECKERS))}")
    CHECKERS[kind](vector)
    vector.finish()
    if compared == before:
        raise VectorError(f"{where}: nothing is expected")


def evaluated(data: Any) -> Any:
    """Return `data` with each number `x_evaluated` in place of x, the formula that it evaluates.

    >>> evaluated({"fee_evaluated": 33, "fee": "amount * rate", "cases": [{"out_evaluated": 1}]})
    {'fee': 33, 'cases': [{'out': 1}]}
    """
    if isinstance(data, list):
        return [evaluated(item) for item in data]
    if not isinstance(data, Mapping):
        return data
    values = {name.removesuffix("_evaluated"): evaluated(item) for name, item in data.items()}
    return values | {
        name.removesuffix("_evaluated"): evaluated(item)
        for name, item in data.items()
        if name.endswith("_evaluated")
    }
