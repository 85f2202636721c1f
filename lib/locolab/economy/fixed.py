"""The chain's fixed-point numbers: integers in units of 2**-fraction, rounded as its runtime rounds them.

Rules of the library that the chain computes with (encointer/substrate-fixed, src/arith.rs): a product is
floored, a quotient is truncated toward zero, a float is rounded to the nearest number. The chain calls the
saturating forms, so results outside the range become the nearest end of it.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

U16_MAX = 2**16 - 1
U64_MAX = 2**64 - 1


@dataclasses.dataclass(frozen=True)
class FixedFormat:
    """A format such as I32F32: `bits` in all, `fraction` of them behind the binary point.

    Numbers are passed as raw integers (the value times 2**fraction), so nothing is rounded unseen.

    >>> third = I32F32.divide(I32F32.of(1), I32F32.of(3))
    >>> third, I32F32.to_float(third)
    (1431655765, 0.3333333332557231)
    >>> I32F32.floor(I32F32.multiply(third, I32F32.of(3)))
    0
    """

    name: str
    bits: int
    fraction: int
    signed: bool = True

    @property
    def maximum(self) -> int:
        """Return the largest raw number."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def minimum(self) -> int:
        """Return the smallest raw number, 0 if the format is unsigned."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    def saturate(self, raw: int) -> int:
        """Return `raw`, or the end of the range that it passed."""
        return min(max(raw, self.minimum), self.maximum)

    def of(self, value: int | float | Fraction) -> int:
        """Return the raw number nearest to `value` (ties to even), saturated; NaN raises ValueError.

        >>> I32F32.of(0.5) == 2**31, U64F64.of(-1), I32F32.of(2**40) == I32F32.maximum
        (True, 0, True)
        """
        if isinstance(value, int):
            return self.saturate(value << self.fraction)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{self.name} holds no {value}; give a finite number")
        return self.saturate(round(Fraction(value) * (1 << self.fraction)))

    def add(self, left: int, right: int) -> int:
        """Return the saturated sum of two raw numbers."""
        return self.saturate(left + right)

    def subtract(self, left: int, right: int) -> int:
        """Return the saturated difference of two raw numbers."""
        return self.saturate(left - right)

    def multiply(self, left: int, right: int) -> int:
        """Return the product of two raw numbers, floored and saturated."""
        return self.saturate((left * right) >> self.fraction)

    def divide(self, left: int, right: int) -> int:
        """Return the quotient of two raw numbers, truncated toward zero and saturated.

        Raises ZeroDivisionError for `right` = 0; see safe_divide.
        """
        quotient = (abs(left) << self.fraction) // abs(right)
        return self.saturate(quotient if (left < 0) == (right < 0) else -quotient)

    def safe_divide(self, left: int, right: int) -> int:
        """Return divide(left, right), or 0 if `right` is 0 or the quotient out of range (safe_div).

        >>> U64F64.safe_divide(U64F64.of(2**63), U64F64.of(0.5)), U64F64.safe_divide(1, 0)
        (0, 0)
        """
        if not right:
            return 0
        quotient = (abs(left) << self.fraction) // abs(right)
        quotient = quotient if (left < 0) == (right < 0) else -quotient
        return quotient if self.saturate(quotient) == quotient else 0

    def convert(self, raw: int, source: FixedFormat) -> int:
        """Return a raw number of `source` in this format, floored and saturated.

        >>> I32F32.convert(I64F64.of(0.75), I64F64) == I32F32.of(0.75)
        True
        """
        shift = self.fraction - source.fraction
        return self.saturate(raw << shift if shift >= 0 else raw >> -shift)

    def floor(self, raw: int, maximum: int = U64_MAX) -> int:
        """Return the integer part of a raw number, saturated to 0..maximum (u64 unless told)."""
        return min(max(raw >> self.fraction, 0), maximum)

    def to_float(self, raw: int) -> float:
        """Return the float nearest to a raw number."""
        return float(Fraction(raw, 1 << self.fraction))


I32F32 = FixedFormat("I32F32", 64, 32)
I64F64 = FixedFormat("I64F64", 128, 64)
I96F32 = FixedFormat("I96F32", 128, 32)
U96F32 = FixedFormat("U96F32", 128, 32, signed=False)
U64F64 = FixedFormat("U64F64", 128, 64, signed=False)
I110F18 = FixedFormat("I110F18", 128, 18)
U110F18 = FixedFormat("U110F18", 128, 18, signed=False)
