"""The rows of a swap vector: each case with the vector's parameters, and the checks of what is expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chain_checks.formulas import allowance, evaluate, number
from chain_checks.frame import REQUIRED, Fields

ZERO = "ZeroMaxStakeAmount"  # an error of the chain where we return 0
EVERY = ("all", "abs", "rel", "epsilon", "default")


class Row:
    """One case: its fields, then those of `params`; what is expected stands in it or in `expected`."""

    def __init__(self, case: Fields, params: Fields, expected: Fields, tolerance: Fields) -> None:
        self.case, self.params, self.expected, self.tolerance = case, params, expected, tolerance
        self.where = case.where

    def take(self, *names: str, default: Any = REQUIRED) -> Any:
        """Return the first field by one of `names`, of the case before the parameters, as it stands."""
        found = self.case.take(*names, default=None)
        return self.params.take(*names, default=default) if found is None else found

    def number(self, *names: str, default: Any = REQUIRED) -> Any:
        """Return `take` as a number; a default that is None stays None."""
        value = self.take(*names, default=default)
        return None if value is None else number(value, self.where)

    def wanted(self, *names: str) -> tuple[str, Any] | None:
        """Return the name and value of the first expectation by one of `names`, None if there is none."""
        for name in names:
            for fields, field in ((self.case, f"expected_{name}"), (self.expected, name)):
                if field in fields and (value := fields.take(field)) is not None:
                    return field, value
        return None

    def check(self, got: Any, *names: str) -> None:
        """Compare `got` with the expectation by one of `names`, if the row has one, within its tolerance."""
        wanted = self.wanted(*names)
        if wanted is None:
            self._check_around(got, names)
            return
        self.compare(got, wanted[1], *wanted[:1], *names)

    def compare(self, got: Any, value: Any, *names: str) -> None:
        """Compare `got` with `value` within the tolerance of the first of `names` that has one."""
        if isinstance(value, bool):
            assert got == value, f"{self.where} {names[0]}: got {got}, expected {value}"
            return
        expected = number(value, f"{self.where}.{names[0]}")
        allowed = self._allowed(names, expected, got)
        assert abs(got - expected) <= allowed, (
            f"{self.where} {names[0]}: got {got}, expected {expected} within {allowed}"
        )

    def _check_around(self, got: Any, names: tuple[str, ...]) -> None:
        """Check a quantity that only the tolerance names, as "1 around floor(amount_in*33/65535)"."""
        for name in names:
            form = self.tolerance.take(name, default=None)
            if isinstance(form, str) and " around " in form:
                spread, centre = form.split(" around ")
                expected = evaluate(centre, self._names())
                allowed = allowance(spread, expected, got, self._names())
                assert abs(got - expected) <= allowed, (
                    f"{self.where} {name}: got {got}, expected {expected} within {allowed}"
                )
            elif isinstance(form, bool):
                assert got == form, f"{self.where} {name}: got {got}, expected {form}"

    def _allowed(self, names: tuple[str, ...], expected: float, got: float) -> float:
        per_case = self.tolerance.take("per_case", default="abs_tol")
        own = self.case.take(per_case, "tolerance", "epsilon", default=None)
        if own is not None:
            return allowance(own, expected, got, self._names())
        forms: dict[str, Any] = {name: self.tolerance.take(name, default=None) for name in (*names, *EVERY)}
        for name, form in forms.items():
            if form is not None:
                return allowance({"rel": form} if name == "rel" else form, expected, got, self._names())
        return 0

    def _names(self) -> dict[str, Any]:
        return {**self.params.data, **self.expected.data, **self.case.data}


def rows(vector: Fields) -> Iterator[Row]:
    """Yield a row for each of the vector's `cases`, or one from its `params` and `expected` alone."""
    params, expected, tolerance = (vector.inner(name) for name in ("params", "expected", "tolerance"))
    tolerance.take("why", "note", default=None)
    for name in EVERY:
        tolerance.take(name, default=None)
    if "cases" in vector:
        for case in vector.each("cases"):
            yield Row(case, params, expected, tolerance)
    else:
        yield Row(Fields({}, vector.where), params, expected, tolerance)


def expect_error(row: Row, value: Any, errors: Mapping[str, type[Exception]], run: Callable[[], Any]) -> bool:
    """Return whether `value` names an error; if so `run` must raise it, or give 0 for ZeroMaxStakeAmount."""
    named = [name for name in (*errors, ZERO) if isinstance(value, str) and name in value]
    if not named:
        return False
    result = outcome(errors, run)
    zero = named == [ZERO] and (result == 0 or isinstance(result, Exception))
    assert zero or isinstance(result, errors.get(named[0], ())), (
        f"{row.where}: got {result!r}, expected {value}"
    )
    return True


def outcome(errors: Mapping[str, type[Exception]], run: Callable[[], Any]) -> Any:
    """Return what `run` returns, or the error of `errors` that it raises."""
    try:
        return run()
    except tuple(errors.values()) as error:
        return error
