"""One step of the pools of 2025-26 in U64F64: what an amount buys, where the price ends, what gets there.

Between two ticks a pool with liquidity L at the square root s of its price trades as if it held L*s TAO and
L/s alpha with a constant product. The order of the operations is the chain's, because each one truncates and
saturates (subtensor v3.3.13-393, pallets/swap/src/pallet/swap_step.rs). Square roots are raw U64F64 numbers,
amounts and liquidity whole smallest units.
"""

from __future__ import annotations

from locolab.economy.fixed import U64F64
from locolab.economy.trade import Side

_ONE = U64F64.of(1)
_multiply, _divide = U64F64.multiply, U64F64.safe_divide

FEE_SCALE = 65_535  # fee rates are in units of 1/65535
FEE_RATE = 33  # the default: 0.0504 %
MAX_FEE_RATE = 10_000


def paid_out(side: Side, liquidity: int, root: int, paid_in: int) -> int:
    """Return what `paid_in` (without fee) takes out of the pool; 0 where a quotient leaves 64 bits.

    Buying: d*L / ((L*s + d)*s). Selling: d * s * L/(L/s + d).

    >>> [paid_out(side, 2 * 10**12, U64F64.of(1.5), 10_000) for side in ("buy", "sell")]
    [4444, 22499]
    """
    liquid, delta = U64F64.of(liquidity), U64F64.of(paid_in)
    if side == "buy":
        tao = U64F64.add(_multiply(liquid, root), delta)
        rate = _divide(liquid, _multiply(tao, root))
    else:
        alpha = U64F64.add(_divide(liquid, root), delta)
        rate = _multiply(_divide(liquid, alpha), root)
    return U64F64.floor(_multiply(rate, delta))


def root_after(side: Side, liquidity: int, root: int, paid_in: int) -> int:
    """Return the square root of the price after `paid_in` (without fee): s + d/L, or 1/(d/L + 1/s)."""
    moved = _divide(U64F64.of(paid_in), U64F64.of(liquidity))
    if side == "buy":
        return U64F64.add(moved, root)
    return _divide(_ONE, U64F64.add(moved, _divide(_ONE, root)))


def paid_in_to(side: Side, liquidity: int, root: int, target: int) -> int:
    """Return what must be paid in (without fee) to move the square root from `root` to `target`."""
    if side == "buy":
        way = U64F64.subtract(target, root)
    else:
        way = U64F64.subtract(_divide(_ONE, target), _divide(_ONE, root))
    return U64F64.floor(_multiply(U64F64.of(liquidity), way))


def fee_of(paid: int, fee_rate: int) -> int:
    """Return the fee within `paid`: floor(paid * rate/65535), the rate truncated to 64 binary digits.

    >>> fee_of(10**9, FEE_RATE), fee_of(65_535, FEE_RATE)
    (503547, 32)
    """
    rate = _divide(U64F64.of(fee_rate), U64F64.of(FEE_SCALE))
    return U64F64.floor(_multiply(U64F64.of(paid), rate))


def fee_on_top(paid_in: int, fee_rate: int) -> int:
    """Return the fee that comes on top of `paid_in`: floor(paid_in * rate/(65535 - rate))."""
    rate = _divide(U64F64.of(fee_rate), U64F64.of(FEE_SCALE - fee_rate))
    return U64F64.floor(_multiply(U64F64.of(paid_in), rate))


def position_amounts(liquidity: int, root: int, low: int, high: int) -> tuple[int, int]:
    """Return the smallest units of TAO and alpha in a position of `liquidity` between two square roots.

    Below its range a position is all alpha, above it all TAO. ValueError unless low < high.

    >>> [position_amounts(2 * 10**9, U64F64.of(0.5), U64F64.of(low), U64F64.of(1)) for low in (0.25, 0.5)]
    [(500000000, 2000000000), (0, 2000000000)]
    """
    if not low < high:
        raise ValueError(f"a position needs a lower end below its upper end, got {low} and {high}")
    here = min(max(root, low), high)
    return paid_in_to("buy", liquidity, low, here), paid_in_to("sell", liquidity, high, here)
