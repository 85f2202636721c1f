"""The rules a row of the ledger can be judged by: which side of its rule a measurement falls on.

A rule gives ``pass``, ``fail``, or ``inconclusive`` where an interval covers both sides:

=============  ==========================================================================================
``rounds-to``  what was computed, [low, high] where its inputs were printed figures, overlaps the interval
               the printed ``value`` stands for (`locolab.report.printed`)
``equal``      within ``abs`` + ``rel`` * |value| of ``check.value``; exact without a tolerance
``at-least``   not below ``check.value``; ``at-most``: not above it
``paired``     a `Comparison` against ``expects``: beats, matches, trails, or not-worse (the interval stays
               within the margin); its word ``inconclusive`` stays so
=============  ==========================================================================================
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Literal

from locolab.report.printed import printed
from locolab.report.rows import Check, Claim, at_profile
from locolab.report.statistics import Comparison

Side = Literal["pass", "fail", "inconclusive"]


class ClaimError(ValueError):
    """What was measured does not fit the rule of its row."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a notebook hands to a row: a number or interval, a comparison, or a number for each reading."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    comparison: Comparison | None = None
    readings: Mapping[str, float] | None = None
    note: str = ""
    recorded: bool = False


def side_of(claim: Claim, check: Check, measured: Measured, profile: str) -> Side:
    """Return the side of the rule `check` that the measurement falls on.

    Raises ClaimError where the measurement lacks what the rule needs, or is not a number.
    """
    return _SIDES[check.rule](claim, check, measured, profile)


def _bounds(claim: Claim, measured: Measured) -> tuple[float, float]:
    """Return the measured interval, a point where no bounds came; raises ClaimError for none or NaN."""
    if measured.value is None:
        raise ClaimError(f"{claim.id} needs a value: {claim.check.of}")
    low = measured.value if measured.low is None else measured.low
    high = measured.value if measured.high is None else measured.high
    if any(math.isnan(x) for x in (measured.value, low, high)) or low > high:
        raise ClaimError(f"{claim.id} got {measured.value} in [{low}, {high}]: not an interval of numbers")
    if not low <= measured.value <= high:
        raise ClaimError(f"{claim.id} got {measured.value}, outside its own interval [{low}, {high}]")
    return low, high


def _within(low: float, high: float, from_: float, to: float) -> Side:
    """Return on which side of "lies in [from_, to]" the whole interval [low, high] is.

    >>> _within(1, 2, 0, 3), _within(4, 5, 0, 3), _within(2, 5, 0, 3)
    ('pass', 'fail', 'inconclusive')
    """
    if from_ <= low and high <= to:
        return "pass"
    return "fail" if high < from_ or to < low else "inconclusive"


def rule_value(claim: Claim, check: Check, profile: str) -> float:
    """Return the number a rule compares with, in a profile."""
    value = at_profile(check.value, profile)
    if value is None:
        raise ClaimError(f"{claim.id}: its rule has no value for {profile}")
    return float(value)


def _rounds_to(claim: Claim, check: Check, measured: Measured, profile: str) -> Side:
    return "pass" if printed(claim.value).overlaps(*_bounds(claim, measured)) else "fail"


def _equal(claim: Claim, check: Check, measured: Measured, profile: str) -> Side:
    value = rule_value(claim, check, profile)
    tolerance = check.abs + check.rel * abs(value)
    return _within(*_bounds(claim, measured), value - tolerance, value + tolerance)


def _at_least(claim: Claim, check: Check, measured: Measured, profile: str) -> Side:
    return _within(*_bounds(claim, measured), rule_value(claim, check, profile), math.inf)


def _at_most(claim: Claim, check: Check, measured: Measured, profile: str) -> Side:
    return _within(*_bounds(claim, measured), -math.inf, rule_value(claim, check, profile))


def _paired(claim: Claim, check: Check, measured: Measured, profile: str) -> Side:
    comparison = measured.comparison
    if comparison is None:
        raise ClaimError(f"{claim.id} needs a comparison: {check.of}")
    if comparison.lower_is_better != (check.better == "lower"):
        raise ClaimError(f"{claim.id}: the row says {check.better} is better, the comparison says otherwise")
    if check.margin != "baseline-sd" and comparison.margin != check.margin:
        raise ClaimError(
            f"{claim.id}: the row's margin is {check.margin}, the comparison used {comparison.margin}"
        )
    if check.expects == "not-worse":
        if comparison.worst < comparison.margin:
            return "pass"
        return "fail" if comparison.trails else "inconclusive"
    if comparison.word == "inconclusive":
        return "inconclusive"
    # A small but sure difference both beats and matches; the row says which of the two it asks for.
    return "pass" if getattr(comparison, check.expects) else "fail"


_SIDES: dict[str, Callable[[Claim, Check, Measured, str], Side]] = {
    "rounds-to": _rounds_to,
    "equal": _equal,
    "at-least": _at_least,
    "at-most": _at_most,
    "paired": _paired,
}
