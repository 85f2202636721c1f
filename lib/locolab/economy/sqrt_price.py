"""Square roots of prices as the pools of 2025-26 store them: U64F64 numbers on a scale of ticks.

Tick i stands for the price 1.0001^i. The tick's square root is computed as Uniswap v3 does (TickMath.sol),
one factor 1.0001^(-2^j/2) in 128-bit fixed point for every bit j of |i|; the chain uses the ticks up to
+-443,636 of its +-887,272 (subtensor v3.3.13-393, pallets/swap/src/tick.rs). Raw U64F64 numbers are the
value times 2^64, Q64.96 numbers the value times 2^96.
"""

from __future__ import annotations

import functools
from decimal import Decimal, localcontext

from locolab.economy.fixed import U64F64

MAX_TICK = 887_272  # of the table
MAX_POOL_TICK = 443_636  # of a pool: beyond it the square root leaves U64F64

ROOT_TOLERANCE = U64F64.of(1e-12)  # of a pool's price when it is set up
LIMIT_TOLERANCE = U64F64.of(1e-10)  # of an order's limit price


class TickOutOfRange(ValueError):  # noqa: N818 - the chain's name
    """No such tick, or no tick has such a price."""


@functools.cache
def _factors() -> tuple[int, ...]:
    """Return 1.0001^(-2^j/2) for the 20 bits j of a tick, times 2^128, rounded to the nearest."""
    with localcontext() as context:
        context.prec = 100
        root = Decimal("1.0001").sqrt()
        return tuple(round(Decimal(2**128) / root ** (2**bit)) for bit in range(20))


def sqrt_ratio_x96(tick: int) -> int:
    """Return the square root of 1.0001^tick as Q64.96, rounded up; TickOutOfRange beyond +-887,272.

    >>> sqrt_ratio_x96(0) == 2**96, sqrt_ratio_x96(-887_272)
    (True, 4295128739)
    """
    if not -MAX_TICK <= tick <= MAX_TICK:
        raise TickOutOfRange(f"tick {tick}: give one of -{MAX_TICK}..{MAX_TICK}")
    ratio = 1 << 128
    for bit, factor in enumerate(_factors()):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = (2**256 - 1) // ratio
    return -(-ratio >> 32)


def tick_at_sqrt_ratio(ratio_x96: int) -> int:
    """Return the highest tick whose square root is at most `ratio_x96`; TickOutOfRange outside the table.

    >>> tick_at_sqrt_ratio(sqrt_ratio_x96(-1000)), tick_at_sqrt_ratio(sqrt_ratio_x96(5) - 1)
    (-1000, 4)
    """
    if not sqrt_ratio_x96(-MAX_TICK) <= ratio_x96 < sqrt_ratio_x96(MAX_TICK):
        raise TickOutOfRange(f"no tick has the square root {ratio_x96} / 2^96")
    low, high = -MAX_TICK, MAX_TICK  # low is reached, high is not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sqrt_ratio_x96(middle) <= ratio_x96 else (low, middle)
    return low


def sqrt_price_at_tick(tick: int) -> int:
    """Return the square root of 1.0001^tick as raw U64F64, rounded up; TickOutOfRange beyond +-443,636.

    >>> U64F64.to_float(sqrt_price_at_tick(2))
    1.0001
    """
    if not -MAX_POOL_TICK <= tick <= MAX_POOL_TICK:
        raise TickOutOfRange(f"tick {tick}: a pool has those of -{MAX_POOL_TICK}..{MAX_POOL_TICK}")
    return -(-sqrt_ratio_x96(tick) >> 32)


def bounded_sqrt_price_at_tick(tick: int) -> int:
    """Return sqrt_price_at_tick of `tick`, or of the nearest tick that a pool has."""
    return sqrt_price_at_tick(min(max(tick, -MAX_POOL_TICK), MAX_POOL_TICK))


def tick_at_sqrt_price(sqrt_price: int) -> int:
    """Return the tick of a raw U64F64 square root: root(tick) <= `sqrt_price` < root(tick + 1).

    TickOutOfRange where a pool has no such tick.

    >>> tick_at_sqrt_price(U64F64.of(1)), tick_at_sqrt_price(sqrt_price_at_tick(-443_636))
    (0, -443636)
    """
    tick = tick_at_sqrt_ratio(sqrt_price << 32)
    if not -MAX_POOL_TICK <= tick <= MAX_POOL_TICK:
        raise TickOutOfRange(f"sqrt price {U64F64.to_float(sqrt_price):.9g} lies beyond a pool's ticks")
    return tick


def bisected_sqrt(value: int, tolerance: int) -> int:
    """Return a square root of a raw U64F64 `value`, by the chain's bisection.

    It halves the range between the value and 1 (between 0 and a value above 1) until the middle and
    value / middle differ by at most `tolerance`, at most 129 times (v3.3.13-393, primitives/safe-math).

    >>> U64F64.to_float(bisected_sqrt(U64F64.of(0.25), ROOT_TOLERANCE))
    0.5...
    """
    one = U64F64.of(1)
    low, high = (0, value) if value > one else (value, one)
    for _ in range(130):
        middle = U64F64.add(low, high) // 2
        check = U64F64.safe_divide(value, middle)
        if abs(check - middle) <= tolerance:
            break
        low, high = (low, middle) if check < middle else (middle, high)
    return middle
