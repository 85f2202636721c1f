"""The rows of a swap vector: each case with the vector's parameters, and the checks of what is expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chain_checks.expectations import RELATIONS
from chain_checks.formulas import evaluate, number
from chain_checks.frame import REQUIRED, Fields, Tolerance, VectorError, confirm
from locolab.economy.sqrt_price import TickOutOfRange
from locolab.economy.trade import PoolError

ZERO = "ZeroMaxStakeAmount"  # an error of the chain where we return 0
NOTHING_FITS = {ZERO, "PriceLimitExceeded"}  # what a largest amount of 0 may be called
OK = "ok"
OUTCOME = ("expected_error", "error", "expected_err", "expected_result", "expected")  # fields of a case


class Row:
    """One case: its fields, then those of `params`; what is expected stands in it or in `expected`."""

    def __init__(self, case: Fields, params: Fields, expected: Fields, tolerance: Tolerance) -> None:
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

    def outcome(self) -> str | None:
        """Return the name of the error that the row expects, "ok" if it says so, None if it says nothing."""
        said = [self.case.take(name) for name in OUTCOME if isinstance(self.case.data.get(name), str)]
        said += [value for _, value in [self.wanted("error") or ("", None)] if value is not None]
        words = {OK if str(text).lower() in ("ok", "ok(())") else str(text) for text in said}
        if len(words) > 1:
            raise VectorError(f"{self.where}: expects {' and '.join(sorted(words))}")
        return words.pop() if words else None

    def refusal(self) -> str | None:
        """Return the name of the error that the row expects, None if the order should be filled."""
        said = self.outcome()
        return None if said == OK else said

    def check(self, got: Any, *names: str) -> None:
        """Compare `got` with the expectation by one of `names`, if the row has one, within its tolerance."""
        wanted = self.wanted(*names)
        for name in names:
            self.check_relations(got, name)
        if wanted is None:
            self._check_around(got, names)
            return
        self.compare(got, wanted[1], *wanted[:1], *names)

    def check_relations(self, got: Any, name: str) -> None:
        """Compare `got` with every bound of the row on `name`, as expected_fee_less_than."""
        for ending, relation in RELATIONS.items():
            if (wanted := self.wanted(f"{name}_{ending}" if name else ending)) is not None:
                bound = number(wanted[1], f"{self.where}.{wanted[0]}")
                confirm(relation(got, bound), f"{self.where} {wanted[0]}: {bound}, got {got}")

    def compare(self, got: Any, value: Any, *names: str) -> None:
        """Compare `got` with `value` within the tolerance of the first of `names` that has one."""
        if isinstance(value, bool):
            confirm(got == value, f"{self.where} {names[0]}: got {got}, expected {value}")
            return
        expected = number(value, f"{self.where}.{names[0]}")
        own = self.tolerance.of_case(self.case)
        self.tolerance.check(names, got, expected, self.where, own, self._names())

    def _check_around(self, got: Any, names: tuple[str, ...]) -> None:
        """Check a quantity that only the tolerance names, as "1 around floor(amount_in*33/65535)"."""
        for name in names:
            form = self.tolerance.fields.take(name, default=None)
            if isinstance(form, str) and " around " in form:
                centre = evaluate(form.split(" around ")[1], self._names())
                self.tolerance.check(name, got, centre, self.where, form, self._names())
            elif isinstance(form, bool):
                confirm(got == form, f"{self.where} {name}: got {got}, expected {form}")

    def _names(self) -> dict[str, Any]:
        return {**self.params.data, **self.expected.data, **self.case.data}


def rows(vector: Fields) -> Iterator[Row]:
    """Yield a row for each of the vector's `cases`, or one from its `params` and `expected` alone."""
    params, expected, tolerance = vector.inner("params"), vector.inner("expected"), Tolerance(vector)
    if "cases" in vector:
        for case in vector.cases():
            yield Row(case, params, expected, tolerance)
    else:
        yield Row(Fields({}, vector.where), params, expected, tolerance)


def expect_error(row: Row, text: str, errors: Mapping[str, Any], run: Callable[[], Any]) -> None:
    """Check that `run` raises the error named in `text`, or gives 0 where that says that nothing fits."""
    named = [name for name in (*errors, ZERO) if name in text]
    if not named:
        raise VectorError(f"{row.where}: {text!r} is an unknown error; there is {', '.join(errors)}")
    result = refused(run)
    zero = (set(named) <= NOTHING_FITS and result == 0) or (named == [ZERO] and isinstance(result, Exception))
    raised = any(isinstance(result, errors.get(name, ())) for name in named)
    confirm(zero or raised, f"{row.where}: got {result!r}, expected {text}")


def refused(run: Callable[[], Any]) -> Any:
    """Return what `run` returns, or the refusal of a pool or a tick that it raises."""
    try:
        return run()
    except (PoolError, TickOutOfRange) as refusal:
        return refusal
