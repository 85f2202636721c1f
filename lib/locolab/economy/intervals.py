"""Closed intervals and their arithmetic: what follows from figures that are known to a rounding.

Every operation gives the smallest interval that holds its result for whatever values its inputs stand for
(Moore, Interval Analysis, 1966). Two things follow for those who write formulas with it:

- A figure that stands twice in a formula counts as two unknowns and widens the result: with x in [1, 2],
  ``x - x`` is [-1, 1]. Formulas should name each figure once.
- Ends are rounded to floats like any other result. Rounding keeps order, so an interval still holds every
  result computed from floats inside its inputs; but two intervals that only touch may come apart.
"""

from __future__ import annotations

import dataclasses
import math
from itertools import product


@dataclasses.dataclass(frozen=True)
class Bounds:
    """A closed interval; an open side is infinite. Raises ValueError where low is above high, or NaN.

    >>> Bounds(1, 2) + Bounds(10, 20), 3 * Bounds(1, 2), 1 - Bounds(1, 2)
    (Bounds(low=11, high=22), Bounds(low=3, high=6), Bounds(low=-1, high=0))
    >>> Bounds(6, 12) / Bounds(2, 3)
    Bounds(low=2.0, high=6.0)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"[{self.low}, {self.high}] is no interval: its low end comes first, and no NaN")

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def overlaps(self, low: float, high: float) -> bool:
        """Return whether any value lies in both this interval and [low, high]."""
        return self.low <= high and low <= self.high

    def __add__(self, other: Bounds | float) -> Bounds:
        other = bounds(other)
        return Bounds(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Bounds:
        return Bounds(-self.high, -self.low)

    def __sub__(self, other: Bounds | float) -> Bounds:
        return self + -bounds(other)

    def __mul__(self, other: Bounds | float) -> Bounds:
        other = bounds(other)
        ends = [_times(a, b) for a, b in product((self.low, self.high), (other.low, other.high))]
        return Bounds(min(ends), max(ends))

    def __truediv__(self, other: Bounds | float) -> Bounds:
        """Return the quotient; ZeroDivisionError where the divisor may be zero."""
        other = bounds(other)
        if 0 in other:
            raise ZeroDivisionError(f"the divisor [{other.low}, {other.high}] may be zero")
        ends = [_over(a, b) for a, b in product((self.low, self.high), (other.low, other.high))]
        return Bounds(min(ends), max(ends))

    def __radd__(self, other: float) -> Bounds:
        return self + other

    def __rsub__(self, other: float) -> Bounds:
        return -self + other

    def __rmul__(self, other: float) -> Bounds:
        return self * other

    def __rtruediv__(self, other: float) -> Bounds:
        return bounds(other) / self


def bounds(value: Bounds | float) -> Bounds:
    """Return a number as the interval that holds nothing else; an interval as it is.

    >>> bounds(21e6)
    Bounds(low=21000000.0, high=21000000.0)
    """
    return value if isinstance(value, Bounds) else Bounds(value, value)


def gap(a: Bounds, b: Bounds) -> float:
    """Return the factor between the nearest ends of two intervals above zero: 1 where they meet or overlap.

    No value of either can be reached from the other by a smaller factor. Raises ValueError where they are
    apart and the lower one does not lie above zero.

    >>> gap(Bounds(2, 3), Bounds(6, 8)), gap(Bounds(6, 8), Bounds(2, 3)), gap(Bounds(2, 3), Bounds(3, 4))
    (2.0, 2.0, 1.0)
    """
    if a.overlaps(b.low, b.high):
        return 1.0
    below, above = (a, b) if a.high < b.low else (b, a)
    if below.high <= 0:
        raise ValueError(f"no factor leads from [{below.low}, {below.high}] up to {above.low}")
    return above.low / below.high


def _times(a: float, b: float) -> float:
    """Return a product of ends; zero times an open side is zero, since only finite values are meant."""
    return 0.0 if a == 0 or b == 0 else a * b


def _over(a: float, b: float) -> float:
    """Return a quotient of ends; anything over an open side comes arbitrarily near to zero."""
    return 0.0 if math.isinf(b) else a / b
