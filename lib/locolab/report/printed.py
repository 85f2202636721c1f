"""What a printed figure commits its writer to: the interval of values that would be printed like it.

How figures and their qualifiers are read, the same for everybody we quote:

====================================  =====================================================================
``19.6 %``, ``$3.43B``                half a unit of the last printed digit to both sides
``~``, ``about``, ``approximately``   the same: the sign announces the rounding
``nearly x``                          from one unit below x up to half a unit above it
``over x``, ``more than``, ``>``      x or anything above it
``less than x``, ``under``, ``<``     x or anything below it
``a-b``, ``a to b``, ``a - b:1``      everything between the two, each rounded as above
``dozens``, ``hundreds of millions``  at least two of them
====================================  =====================================================================

A qualifier thus widens the interval or opens one side of it. Percentages stay percentages; K, M, B, T and
their words multiply.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from locolab.economy.intervals import Bounds

__all__ = ["Bounds", "moved", "number_of", "printed"]

_EXPONENTS = {"k": 3, "thousand": 3, "m": 6, "million": 6, "b": 9, "billion": 9, "t": 12, "trillion": 12}
_WORDS = {"dozens": 24.0, "hundreds of millions": 2e8}
_ABOVE, _BELOW = ("over", "more than", "at least", ">"), ("less than", "under", "up to", "at most", "<")
_NUMBER = r"\$?\d[\d,]*(?:\.\d+)?(?:\s?(?:%|(?:x|thousand|million|billion|trillion|[KMBT])\b))?"
_QUALIFIER = "|".join((*_ABOVE, *_BELOW, "nearly", "about", "approximately", "~"))
_FIGURE = re.compile(
    rf"(?P<qualifier>{_QUALIFIER})?\s*[+~]?(?P<first>{_NUMBER})(?:\s*(?:-|–|to)\s*(?P<last>{_NUMBER}))?",
    re.IGNORECASE,
)


def printed(text: str) -> Bounds:
    """Return the values that a figure printed as `text` may stand for (the table is in the module's text).

    Raises ValueError where no figure is found.

    >>> printed("19.6 %")
    Bounds(low=19.55, high=19.65)
    >>> printed("~$3.42B")
    Bounds(low=3415000000.0, high=3425000000.0)
    >>> printed("over 146x")
    Bounds(low=146.0, high=inf)
    >>> printed("nearly 20%")
    Bounds(low=19.0, high=20.5)
    >>> printed("22-40:1")
    Bounds(low=21.5, high=40.5)
    """
    if text.lower() in _WORDS:
        return Bounds(_WORDS[text.lower()], math.inf)
    match = _figure(text)
    qualifier = (match["qualifier"] or "").lower()
    first, last = match["first"], match["last"] or match["first"]
    low, low_unit = _rounded(first, _exponent(first) or _exponent(last))
    high, high_unit = _rounded(last, _exponent(last))
    if qualifier in _ABOVE:
        return Bounds(float(low), math.inf)
    if qualifier in _BELOW:
        return Bounds(-math.inf, float(high))
    below = low_unit if qualifier == "nearly" else low_unit / 2
    return Bounds(float(low - below), float(high + high_unit / 2))


def number_of(text: str) -> float:
    """Return the number that a figure prints, without its rounding; ValueError for a range or a word.

    >>> number_of("nearly 19.6%"), number_of("~$3.42B")
    (19.6, 3420000000.0)
    """
    match = _single(text)
    return float(_rounded(match["first"], _exponent(match["first"]))[0])


def moved(text: str, steps: int) -> str:
    """Return the figure as it would be printed some units of its last digit higher, or lower.

    Raises ValueError for a range, for a word, and where the number would not lie above zero.

    >>> moved("~$3.42B", -1), moved("175x", 46), moved("nearly 19.6%", 4)
    ('~$3.41B', '221x', 'nearly 20.0%')
    """
    match = _single(text)
    digits = re.sub(r"[^\d.,]", "", match["first"])
    number = Decimal(digits.replace(",", ""))
    new = number + steps * Decimal(1).scaleb(int(number.as_tuple().exponent))
    if new <= 0:
        raise ValueError(f"{text!r} moved by {steps} units of its last digit is {new}; it should lie above 0")
    return text.replace(digits, f"{new:,f}" if "," in digits else f"{new:f}", 1)


def _figure(text: str) -> re.Match[str]:
    match = _FIGURE.search(text)
    if match is None:
        raise ValueError(f"no figure in {text!r}; write it as printed, like '19.6%', '~$3.42B' or '15-25x'")
    return match


def _single(text: str) -> re.Match[str]:
    match = _figure(text)
    if match["last"]:
        raise ValueError(f"{text!r} is a range; take one of its ends")
    return match


def _rounded(number: str, exponent: int) -> tuple[Decimal, Decimal]:
    """Return a printed number and the size of its last digit, exactly ('1.50' has two decimals)."""
    value = Decimal(re.sub(r"[^\d.]", "", number))
    return value.scaleb(exponent), Decimal(1).scaleb(int(value.as_tuple().exponent) + exponent)


def _exponent(number: str) -> int:
    """Return the power of ten that the number's suffix stands for, 0 without one."""
    suffix = re.search(r"[a-z]+$", number.lower())
    return _EXPONENTS.get(suffix[0], 0) if suffix else 0
