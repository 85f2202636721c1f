"""Amounts of TAO and of alpha tokens in their smallest unit: whole numbers that fit in 64 bits.

1 TAO is 10^9 rao, 1 alpha token is 10^9 of its own smallest unit, which is called rao here as well: a name
that ends in `tao_rao` or `alpha_rao` says which token it counts. Prices are TAO per alpha token, so the unit
cancels; limit prices are in rao of TAO per whole alpha token, as the chain takes them.
"""

from __future__ import annotations

from fractions import Fraction
from operator import index
from typing import SupportsIndex

from locolab.economy.fixed import U64_MAX

RAO = 10**9  # smallest units in one token
MAX_SUPPLY = 21_000_000  # tokens, of TAO and of every alpha token


def amount(value: SupportsIndex, name: str) -> int:
    """Return `value` as an int if it is a whole number of 0..2^64-1, else raise ValueError naming it.

    >>> amount(5, "tao_rao")
    5
    >>> amount(-1, "tao_rao")
    Traceback (most recent call last):
    ValueError: tao_rao = -1: give a whole number of smallest units, 0 to 18446744073709551615
    """
    whole = isinstance(value, SupportsIndex) and not isinstance(value, bool)
    if not whole or not 0 <= (number := index(value)) <= U64_MAX:
        raise ValueError(f"{name} = {value!r}: give a whole number of smallest units, 0 to {U64_MAX}")
    return number


def to_rao(tokens: float | Fraction, name: str = "amount") -> int:
    """Return the smallest units in `tokens`, rounded to the nearest; ValueError if they do not fit.

    >>> to_rao(1.5), to_rao(Fraction(1, 3))
    (1500000000, 333333333)
    """
    try:
        return amount(round(Fraction(tokens) * RAO), name)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{name} = {tokens!r}: give a number of tokens, 0 to {U64_MAX / RAO:.4g}") from error


def to_tokens(rao: int) -> float:
    """Return the tokens that `rao` smallest units make.

    >>> to_tokens(2_500_000_000)
    2.5
    """
    return amount(rao, "rao") / RAO
