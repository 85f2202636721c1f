"""Sentences and titles made from judged values, so that no finding is written before it was found."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

from locolab.report.claims import Outcome
from locolab.report.claims import number as claims_number
from locolab.report.style import NO_VERDICT, VERDICTS, bytes_text
from locolab.report.vocabulary import SMOKE

DIRECTIONS = re.compile(r"\b(beats?|trails?|closes?|survives?)\b", re.IGNORECASE)
VERDICT_WORDS = {
    "adds-up": "adds up",
    "does-not-add-up": "does not add up",
    "reproduced": "is reproduced",
    "holds-small": "holds at our scale",
    "not-seen-small": "was not seen at our scale",
    "depends": "depends on the reading",
    "contradicted": "does not follow under the stated conditions",
    "inconclusive": "is inconclusive",
    "not-testable": "cannot be tested here",
}

Template = str | Mapping[str, str]
"""One text, or one text per word (``beats``, ``matches`` ...) or verdict (``holds-small`` ...)."""


class TemplateError(ValueError):
    """A template asks for a field that is not there, or states a finding by itself."""


def sentence(outcome: Outcome, template: Template, **extras: Any) -> str:
    """Return `template` filled from a judged claim; see `fields` for the names it may use.

    A string may not contain a direction word (beats, trails, closes, survives): write ``{word}``, or give a
    mapping from words or verdicts to texts. An inconclusive outcome gets the mapping's ``"inconclusive"``
    text, or a standard sentence that names the interval. In the smoke profile the answer is always the same.

    >>> c = Outcome("demo", "holds-small", "ran", "fast", value=2.2471, n=3, unit="nats")
    >>> sentence(c, "The loss is {value:.2f} {unit} (n = {n}); the claim {word}.")
    'The loss is 2.25 nats (n = 3); the claim holds at our scale.'
    """
    if outcome.profile == "smoke":
        return SMOKE
    text = _choose(outcome, template)
    if text is None:
        return undecided(outcome)
    return _fill(outcome, text, extras)


def headline(outcome: Outcome, template: Template, neutral: str, **extras: Any) -> str:
    """Return a figure's title: the finding, or `neutral` (what the axes show) where nothing was settled."""
    if outcome.profile == "smoke":
        return neutral
    text = _choose(outcome, template)
    if text is None:
        return f"{neutral}: inconclusive" + (f" (n = {outcome.n})" if outcome.n else "")
    return _fill(outcome, text, extras)


def ends(head: str, rival: str, after: str = "", digits: int = 2) -> dict[str, str]:
    """Return the texts of a comparison of final losses (lower is better), one per word.

    `head` names what is compared and under which conditions; the three parts may name fields. What is
    inconclusive is given by its interval and n, without `after`.

    >>> ends("H = {H}: it", "the other", " (n = {n})", digits=1)["trails"]
    'H = {H}: it ends {distance:.1f} nats/token above the other (n = {n})'
    """
    bounds = f"{{low:+.{digits}f}} to {{high:+.{digits}f}} nats/token"
    return {
        "beats": f"{head} ends {{distance:.{digits}f}} nats/token below {rival}{after}",
        "matches": f"{head} ends within {{margin:.{digits}f}} nats/token of {rival}{after}",
        "trails": f"{head} ends {{distance:.{digits}f}} nats/token above {rival}{after}",
        "inconclusive": f"{head} ends {bounds} from {rival} (n = {{n}}): which is lower stays open",
    }


def verdict_line(outcome: Outcome) -> str:
    """Return the one line shown when a claim is checked: shape, word, claim, what was measured.

    >>> verdict_line(Outcome("article.ratio", "reproduced", "ran", "fast", text="146.3; reproduced"))
    '■ **reproduced** `article.ratio` — 146.3; reproduced'
    """
    shape = VERDICTS.get(outcome.verdict, NO_VERDICT).shape
    word = f"**{outcome.verdict}** " if outcome.verdict in VERDICTS else ""
    return f"{shape} {word}`{outcome.id}` — {outcome.text}"


def undecided(outcome: Outcome) -> str:
    """Return the sentence of a result that did not settle its claim.

    >>> undecided(Outcome("demo", "inconclusive", "ran", "fast", 0.01, -0.02, 0.04, 3, "nats"))
    'Inconclusive: we measured 0.01 nats (95 % interval -0.02 to 0.04, n = 3), which leaves both...'
    """
    if outcome.value is None:
        return "Inconclusive: the run gave no value that settles this."
    return f"Inconclusive: we measured {measured(outcome)}, which leaves both sides of the rule open."


def measured(outcome: Outcome) -> str:
    """Return value, unit, interval and number of seeds in one phrase, four significant digits.

    Bounds without an n are no statistics: they are what rounded inputs leave open.

    >>> measured(Outcome("demo", "holds-small", "ran", "fast", 1.5, 1.25, 1.75, 3, "nats"))
    '1.5 nats (95 % interval 1.25 to 1.75, n = 3)'
    >>> measured(Outcome("demo", "adds-up", "ran", "fast", 19.645, 19.61, 19.68, unit="%"))
    '19.64 % (19.61 to 19.68)'
    """
    parts = [f"{number(outcome.value, outcome.unit)} {outcome.unit}".strip()]
    if outcome.low is not None and outcome.high is not None:
        bounds = f"{number(outcome.low)} to {number(outcome.high)}"
        parts.append(f"(95 % interval {bounds}, n = {outcome.n})" if outcome.n else f"({bounds})")
    return " ".join(parts)


def number(value: float | str | None, unit: str = "") -> str:
    """Return a value for reading, as the ledger prints numbers; a text stays, nothing is a dash.

    >>> [number(x) for x in (0.94500001, 72747327488, "yes", None)]
    ['0.945', '72,747,327,488', 'yes', '-']
    """
    if value is None:
        return "-"
    return value if isinstance(value, str) else claims_number(value, unit)


def fields(outcome: Outcome, extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a template may name: value, low, high, n, unit, verdict, word, expected, margin, measured.

    `distance` is the value without its sign. `word` is the comparison's (beats, matches, trails), else the
    verdict in words; extras come on top.
    """
    known = {
        name: getattr(outcome, name)
        for name in ("value", "low", "high", "n", "unit", "verdict", "expected", "margin")
    }
    word = VERDICT_WORDS.get(outcome.verdict, outcome.verdict)
    if outcome.word and outcome.word != "inconclusive":
        word = outcome.word
    distance = None if outcome.value is None else abs(outcome.value)
    return {**known, "distance": distance, "word": word, "measured": measured(outcome), **extras}


def _choose(outcome: Outcome, template: Template) -> str | None:
    """Return the text for this outcome, None where only the inconclusive wording fits."""
    keys = [key for key in (outcome.word, outcome.verdict) if key]
    if isinstance(template, str):
        found = DIRECTIONS.search(template)
        if found:
            raise TemplateError(
                f"the template of {outcome.id} says {found[0]!r} whatever comes out; write {{word}}, "
                f'or give one text per outcome: {{"beats": ..., "matches": ..., "trails": ...}}'
            )
        return None if outcome.verdict == "inconclusive" else template
    for key in keys:
        if key in template:
            return template[key]
    if "inconclusive" in keys:
        return None
    raise TemplateError(
        f"{outcome.id} ended in {' / '.join(keys)}; its template has texts only for {', '.join(template)}"
    )


class _Formatter(string.Formatter):
    """str.format with one more format: ``{value:bytes}`` in binary units."""

    def format_field(self, value: Any, spec: str) -> Any:
        return bytes_text(value) if spec == "bytes" else super().format_field(value, spec)


def _fill(outcome: Outcome, text: str, extras: Mapping[str, Any]) -> str:
    known = fields(outcome, extras)
    try:
        return _Formatter().vformat(text, (), known)
    except KeyError as error:
        raise TemplateError(
            f"the template of {outcome.id} asks for {error}; known: {', '.join(known)}"
        ) from error
    except (TypeError, ValueError, IndexError) as error:
        empty = ", ".join(name for name, value in known.items() if value is None)
        raise TemplateError(
            f"the template of {outcome.id} cannot be filled ({error}); empty here: {empty or 'nothing'}"
        ) from error
