"""The schema of data/claims.yaml: a row read field by field, and what rows may not say together."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from locolab.report import vocabulary as words
from locolab.report.fields import Fields
from locolab.report.printed import printed
from locolab.report.rows import RULES, Check, Claim, PerProfile, Reading

_CLAIM_FIELDS = tuple(f.name for f in dataclasses.fields(Claim) if f.name != "section")


def read_claim(section: str, raw: Any, places: Mapping[str, Any]) -> Claim:
    """Return one row; `places` are the article's locators. Raises LedgerError."""
    name = raw.get("id", raw) if isinstance(raw, Mapping) else raw
    row = Fields(f"claim {name}", raw, _CLAIM_FIELDS)
    kind, scale = row.word("kind", words.KINDS), row.word("scale", words.SCALES, "exact")
    notebook = row.text("notebook", None)
    claim = Claim(
        id=row.text("id"),
        section=section,
        places=row.texts("places"),
        statement=row.text("statement"),
        kind=kind,
        check=_check(row, row.get("check", dict)),
        value=row.text("value", ""),
        unit=row.text("unit", ""),
        faithful=row.word("faithful", words.FAITHFUL, None),
        source=row.text("source", ""),
        figures=row.texts("figures"),
        uses=row.texts("uses"),
        notebook=notebook,
        cell=row.text("cell", "claims" if notebook else None),
        scale=scale,
        expected=_per_profile(row, "expected"),
        expected_verdict=row.word("expected_verdict", words.allowed_verdicts(kind, scale), None),
        gate=row.get("gate", bool, False),
        readings=tuple(_reading(row, entry) for entry in row.get("readings", list, [])),
        conflicts_with=row.texts("conflicts_with"),
        would_change=row.text("would_change", ""),
        author_response=row.text("author_response", ""),
        status=row.word("status", words.STATUSES, "not-run"),
        quote=row.text("quote", ""),
        note=row.text("note", ""),
    )
    for problem in _row_problems(claim, places):
        raise row.error(problem)
    return claim


def _check(row: Fields, raw: Any) -> Check:
    """Return the check of a row; only the fields of its own rule are known."""
    rule = raw.get("rule")
    if rule not in RULES:
        raise row.error(f"field 'check.rule' is {rule!r}; allowed: {', '.join(RULES)}")
    check = Fields(f"{row.where}, check", raw, ("rule", "of", "pass", "fail", *RULES[rule]))
    verdicts = words.allowed_verdicts(row.raw["kind"], row.raw.get("scale", "exact"))
    return Check(
        rule=rule,
        of=check.text("of") if rule not in ("none", "readings") else check.text("of", ""),
        value=_per_profile(check, "value"),
        abs=float(check.get("abs", (int, float), 0.0)),
        rel=float(check.get("rel", (int, float), 0.0)),
        expects=check.word("expects", ("beats", "matches", "trails", "not-worse"))
        if rule == "paired"
        else "",
        margin=check.get("margin", (int, float, str)) if rule == "paired" else "",
        better=check.word("better", ("lower", "higher"), "lower"),
        each=_check(row, {"of": "the reading's number", **raw["each"]}) if "each" in raw else None,
        reason=check.word("reason", words.NOT_TESTABLE_REASONS) if rule == "none" else "",
        passes=check.word("pass", verdicts, ""),
        fails=check.word("fail", verdicts, ""),
    )


def _per_profile(fields: Fields, name: str) -> PerProfile | None:
    value = fields.get(name, (int, float, dict), None)
    if isinstance(value, dict) and set(value) != set(words.PROFILES):
        raise fields.error(f"field {name!r} by profile needs exactly: {', '.join(words.PROFILES)}")
    return value


def _reading(row: Fields, raw: Any) -> Reading:
    reading = Fields(f"{row.where}, reading", raw, ("id", "if", "gives", "verdict", "source_says"))
    verdicts = words.allowed_verdicts(row.raw["kind"], row.raw.get("scale", "exact"))
    return Reading(
        id=reading.text("id"),
        condition=reading.text("if"),
        gives=reading.get("gives", (int, float, str)),
        verdict=reading.word("verdict", verdicts - {"depends"}),
        source_says=reading.word("source_says", ("yes", "no", "silent")),
    )


def _row_problems(claim: Claim, places: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the fields of one row contradict in each other."""
    article, check = claim.section == "article", claim.check
    if not re.fullmatch(rf"{claim.section}\.[a-z0-9]+([.-][a-z0-9]+)*", claim.id):
        yield f"field 'id' should be '{claim.section}.' and lower-case words joined by '-' or '.'"
    if not claim.places:
        yield "field 'places' is empty; say where the statement stands"
    for place in claim.places if article else ():
        if place not in places:
            yield f"field 'places' names {place!r}, which article_source.places does not list"
    if article != (claim.faithful is not None):
        yield "field 'faithful' belongs to rows of the section article, and to all of them"
    if (claim.figures or claim.quote) and not article:
        yield "fields 'figures' and 'quote' belong to rows of the section article"
    if len(claim.quote.split()) > 12:
        yield f"field 'quote' has {len(claim.quote.split())} words; at most 12"
    if claim.kind in ("external", "opinion") and check.rule != "none":
        yield f"kind {claim.kind!r} needs check.rule 'none' with a reason, got {check.rule!r}"
    if check.rule == "none" and "not-testable" not in words.allowed_verdicts(claim.kind, claim.scale):
        yield f"kind {claim.kind!r} cannot be not-testable; give it a rule"
    if check.rule != "none" and claim.notebook is None:
        yield "field 'notebook' is missing: which notebook runs the check?"
    if claim.notebook is not None and not re.fullmatch(r"\d\d_[a-z_]+", claim.notebook):
        yield f"field 'notebook' is {claim.notebook!r}; a stem like '04_two_bits_on_the_wire'"
    if (check.rule == "readings") != bool(claim.readings) or len(claim.readings) == 1:
        yield "two or more 'readings' and check.rule 'readings' go together"
    if len({reading.id for reading in claim.readings}) < len(claim.readings):
        yield "the ids of its readings are not unique"
    if check.rule in ("equal", "at-least", "at-most") and check.value is None:
        yield f"check.rule {check.rule!r} needs a 'value'"
    if claim.stochastic and claim.kind not in ("mechanism", "measured"):
        yield f"scale 'small' is for kinds mechanism and measured, got {claim.kind!r}"
    if check.rule == "paired" and not claim.stochastic:
        yield "check.rule 'paired' compares trainings, so the row needs scale: small"
    if isinstance(check.margin, str) and check.margin not in ("", "baseline-sd"):
        yield f"field 'check.margin' is {check.margin!r}; a number or 'baseline-sd'"
    if claim.gate and (claim.stochastic or check.rule == "none" or claim.expected_verdict is None):
        yield "a gate needs a deterministic rule (scale: exact) and an 'expected_verdict'"
    if "rounds-to" in (check.rule, check.each.rule if check.each else ""):
        try:
            printed(claim.value)
        except ValueError as error:
            yield f"check.rule 'rounds-to' reads field 'value': {error}"


def cross_problems(claims: Sequence[Claim]) -> Iterator[str]:
    """Return what rows contradict in each other: ids, conflicts named on one side only, unknown ids."""
    by_id = {claim.id: claim for claim in claims}
    for name, count in Counter(claim.id for claim in claims).items():
        if count > 1:
            yield f"claim {name}: the id stands {count} times"
    for claim in claims:
        for other in (*claim.conflicts_with, *claim.uses):
            if other not in by_id:
                yield f"claim {claim.id}: names claim {other!r}, which does not exist"
            elif other in claim.conflicts_with and claim.id not in by_id[other].conflicts_with:
                yield f"claim {claim.id}: conflicts_with {other!r}, which does not name it back"
