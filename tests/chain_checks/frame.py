"""What every checker of chain vectors uses: the registry, fields that must all be read, tolerances.

A checker is a function of one `Fields`, registered for the kinds that it knows:

    @checks("block_emission")
    def check_block_emission(vector: Fields) -> None:
        tolerance = Tolerance(vector)
        for case in vector.each("cases"):
            tolerance.check("emission", emission(case.take("issuance")), case.take("emission"), case.where)

`check_vector` finds it and then fails if any field was left unread, so that nothing in a vector is skipped
in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

DOCUMENTATION = {"schema", "id", "kind", "tag", "source", "source_detail", "summary", "derived", "notes"}
REMARKS = {"comment", "note", "notes", "why"}  # words in any object
REQUIRED = object()


class VectorError(AssertionError):
    """A vector says something that its checker does not understand."""


class Fields:
    """One JSON object of a vector, which knows where it stands and which of its fields were read."""

    def __init__(self, data: Any, where: str, ignored: set[str] | None = None) -> None:
        if not isinstance(data, Mapping):
            raise VectorError(f"{where} is {data!r}, not an object")
        self.data, self.where = data, where
        self._read = REMARKS | (ignored or set())
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


class Tolerance:
    """The vector's own tolerance: a number for all fields or one for each; absent means exact."""

    _EVERY = ("all", "abs")  # names that hold for every field without a number of its own

    def __init__(self, vector: Fields) -> None:
        self.fields = vector.inner("tolerance")
        for name, limit in self.fields.data.items():
            if limit == 0:  # what has no tolerance of its own is exact anyway
                self.fields.take(name)
        self._every = [self.fields.take(name, default=None) for name in self._EVERY]
        self._relative = self.fields.take("rel", default=0)

    def of(self, *names: str) -> float:
        """Return the absolute tolerance of the field that goes by one of `names`."""
        own = self.fields.take(*names, default=None) if names else None
        return next((t for t in (own, *self._every) if t is not None), 0)

    def check(self, names: str | tuple[str, ...], got: Any, expected: Any, where: str) -> None:
        """Raise AssertionError unless `got` is `expected` within the tolerance of the field `names`.

        Integers with tolerance 0 are compared as Python integers, so u64 amounts stay exact.
        """
        aliases = (names,) if isinstance(names, str) else names
        limit = self.of(*aliases)
        left, right = np.asarray(got, object), np.asarray(expected, object)
        assert left.shape == right.shape, f"{where} {aliases[0]}: shape {left.shape}, expected {right.shape}"
        for index in np.ndindex(left.shape):
            allowed = max(limit, self._relative * abs(right[index]))
            assert abs(left[index] - right[index]) <= allowed, (
                f"{where} {aliases[0]}{list(index)}: got {left[index]}, "
                f"expected {right[index]} within {allowed}"
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
    vector = Fields(data, where, DOCUMENTATION)
    kind = data.get("kind")
    if kind not in CHECKERS:
        raise VectorError(f"{where}: no checker for kind {kind!r}; there is {', '.join(sorted(CHECKERS))}")
    CHECKERS[kind](vector)
    vector.finish()
