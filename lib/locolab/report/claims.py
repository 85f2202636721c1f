"""A verdict for a row of the ledger from what a notebook measured.

A row has one of the rules of `locolab.report.rules`, or ``readings`` (each reading judged by
``check.each``, or taken from the ledger where there is no such rule; all verdicts equal: that one, else
``depends``), or ``none`` (not testable here, for ``check.reason``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from locolab.report import vocabulary as words
from locolab.report.fields import LedgerError
from locolab.report.ledger import Ledger, load_ledger
from locolab.report.rows import Check, Claim, Reading, at_profile
from locolab.report.rules import ClaimError, Measured, rule_value, side_of

__all__ = [
    "Check",
    "Claim",
    "ClaimError",
    "Ledger",
    "LedgerError",
    "Measured",
    "Outcome",
    "Reading",
    "gate_fails",
    "judge",
    "load_ledger",
    "number",
    "rule_text",
    "standing",
]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The judged row; it holds no times, so the same measurement gives the same bytes."""

    id: str
    verdict: str
    status: str
    profile: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""
    word: str | None = None
    margin: float | None = None
    expected: float | None = None
    text: str = ""
    note: str = ""
    readings: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-able values."""
        return {**dataclasses.asdict(self), "readings": [dict(r) for r in self.readings]}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the outcome that `to_dict` gave; TypeError for a field that no outcome has."""
        return cls(**{**fields, "readings": tuple(fields.get("readings", ()))})


def judge(claim: Claim, measured: Measured, profile: str) -> Outcome:
    """Return the outcome of a row; in ``smoke`` a row that rests on trainings gets the verdict ``-``.

    Raises ClaimError where the measurement lacks what the rule needs, or is not a number.

    >>> row = Claim("article.share", "article", ("s1.p1",), "...", "arithmetic", Check("rounds-to"), "19.6%")
    >>> judge(row, Measured(19.645, low=19.61, high=19.68), "fast").verdict
    'adds-up'
    """
    if profile not in words.PROFILES:
        raise ClaimError(f"no profile {profile!r}; profiles: {', '.join(words.PROFILES)}")
    readings: tuple[dict[str, Any], ...] = ()
    if claim.stochastic and profile == "smoke":
        verdict = words.NO_VERDICT
    elif claim.check.rule == "none":
        verdict = "not-testable"
    elif claim.check.rule == "readings":
        readings = tuple(_judge_reading(claim, r, measured, profile) for r in claim.readings)
        verdict = _agree([r["verdict"] for r in readings])
    else:
        verdict = _verdict(claim, claim.check, measured, profile)
    return _outcome(claim, measured, profile, verdict, readings)


def standing(claim: Claim) -> Outcome:
    """Return what the ledger says of a row before any run: not testable, or no verdict and its status."""
    testable = claim.check.rule != "none"
    verdict = words.NO_VERDICT if testable else "not-testable"
    text = "" if testable else f"not testable here: {claim.check.reason}"
    return Outcome(claim.id, verdict, claim.status, unit=claim.unit, text=text)


def gate_fails(old: str | None, new: str) -> bool:
    """Return whether a gated row's new verdict differs from the one the ledger expects.

    A row that did not get a verdict (not run, or smoke) fails no gate.

    >>> gate_fails("reproduced", "contradicted"), gate_fails("reproduced", "-"), gate_fails(None, "depends")
    (True, False, False)
    """
    return old is not None and new != words.NO_VERDICT and old != new


def _verdict(claim: Claim, check: Check, measured: Measured, profile: str) -> str:
    """Return the word for the side of the rule that the measurement falls on."""
    side = side_of(claim, check, measured, profile)
    if side == "inconclusive":
        return side
    passes, fails = words.default_sides(claim.kind, claim.scale)
    return (check.passes or passes) if side == "pass" else (check.fails or fails)


def _judge_reading(claim: Claim, reading: Reading, measured: Measured, profile: str) -> dict[str, Any]:
    """Return one reading with its verdict: recomputed where the notebook measured it, else the ledger's."""
    given = dict(measured.readings or {})
    if unknown := set(given) - {r.id for r in claim.readings}:
        raise ClaimError(
            f"{claim.id} has no reading {sorted(unknown)}; it has {[r.id for r in claim.readings]}"
        )
    gives, verdict = given.get(reading.id, reading.gives), reading.verdict
    if claim.check.each and not isinstance(gives, str):
        if reading.id not in given:
            raise ClaimError(
                f"{claim.id} needs a number for its reading {reading.id!r} ({reading.condition})"
            )
        verdict = _verdict(claim, claim.check.each, Measured(gives), profile)
    return {
        "id": reading.id,
        "if": reading.condition,
        "gives": gives,
        "verdict": verdict,
        "source_says": reading.source_says,
    }


def _agree(verdicts: list[str]) -> str:
    """Return the one verdict of all readings, else ``depends``.

    >>> _agree(["reproduced", "reproduced"]), _agree(["reproduced", "contradicted"])
    ('reproduced', 'depends')
    """
    return verdicts[0] if len(set(verdicts)) == 1 else "depends"


def _outcome(
    claim: Claim, measured: Measured, profile: str, verdict: str, readings: tuple[dict[str, Any], ...]
) -> Outcome:
    """Return the outcome with the interval of the comparison where that is what was measured."""
    shown = measured
    if (comparison := measured.comparison) is not None:
        interval = comparison.interval
        shown = dataclasses.replace(
            measured, value=interval.mean, low=interval.low, high=interval.high, n=interval.n
        )
    return Outcome(
        id=claim.id,
        verdict=verdict,
        status="recorded" if measured.recorded else "ran",
        profile=profile,
        value=shown.value,
        low=shown.low,
        high=shown.high,
        n=shown.n,
        unit=claim.unit,
        word=comparison.word if comparison else None,
        margin=comparison.margin if comparison else None,
        expected=at_profile(claim.expected, profile),
        text=_text(claim, shown, verdict, profile),
        note=measured.note,
        readings=readings,
    )


def _text(claim: Claim, shown: Measured, verdict: str, profile: str) -> str:
    """Return one line: what was measured, its interval and n, the rule, the verdict."""
    if verdict == words.NO_VERDICT:
        return words.SMOKE
    parts = [] if shown.value is None else [f"{number(shown.value, claim.unit)} {claim.unit}".strip()]
    if shown.low is not None and shown.high is not None:
        parts.append(f"[{number(shown.low)}, {number(shown.high)}]")
    if shown.n is not None:
        parts.append(f"n = {shown.n}")
    return "; ".join([" ".join(parts), rule_text(claim, profile), verdict]).removeprefix("; ")


def rule_text(claim: Claim, profile: str) -> str:
    """Return the rule of a row in words: what it compares with, or why it cannot be tested here."""
    check = claim.check
    margin = "one sd of the baseline" if check.margin == "baseline-sd" else check.margin
    margin = f", margin {margin}" if check.expects in ("matches", "not-worse") else ""  # others: excludes 0
    return {
        "rounds-to": f"printed as {claim.value}",
        "paired": f"expected: {check.expects}, {check.better} is better{margin}",
        "readings": f"{len(claim.readings)} readings",
        "none": f"not testable here: {check.reason}",
    }.get(check.rule) or _limit_text(claim, check, profile)


def _limit_text(claim: Claim, check: Check, profile: str) -> str:
    """Return a rule that compares with one number: at least, at most, or equal within its tolerances."""
    parts = [f"{check.abs:g}"] * (check.abs > 0) + [f"{100 * check.rel:g} %"] * (check.rel > 0)
    within = f" within {' + '.join(parts)}" if parts else ""
    return f"{check.rule.replace('-', ' ')} {number(rule_value(claim, check, profile), claim.unit)}{within}"


def number(value: float, unit: str = "") -> str:
    """Return a number as the ledger prints it: whole numbers with commas (years without), others to 4 digits.

    >>> number(72747327488), number(146.2857), number(0.01234567), number(6662337662.34)
    ('72,747,327,488', '146.3', '0.01235', '6,662,000,000')
    """
    if unit == "year":
        return f"{value:.0f}"
    rounded = value if float(value).is_integer() else float(f"{value:.4g}")
    return f"{rounded:,.0f}" if float(rounded).is_integer() else f"{rounded:.4g}"
