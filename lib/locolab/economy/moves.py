"""Stake that moves from one subnet's pool to another's: alpha sold, and the TAO spent on other alpha.

A limit is the least alpha of the destination per alpha of the origin, in billionths. The most that fits it is
computed for two constant products without fee, in the V3 era as well (subtensor v3.3.13-393,
pallets/subtensor/src/staking/move_stake.rs). None stands for root or any subnet whose price is fixed at 1.
"""

from __future__ import annotations

from locolab.economy.constant_product import ConstantProductPool
from locolab.economy.fixed import U64_MAX, U64F64
from locolab.economy.full_range import FullRangePool
from locolab.economy.trade import PriceLimitExceeded, Receipt, SlippageTooHigh
from locolab.economy.units import RAO, amount

Pool = ConstantProductPool | FullRangePool


def max_move(origin: Pool | None, destination: Pool | None, limit_rao: int) -> int:
    """Return the most alpha-rao that can move while the average rate stays at `limit_rao` or above.

    (a2*tau1 - q*a1*tau2) / (q*(tau1 + tau2)) with q = limit/10^9; 0 without reserves or where the rate of
    the spot prices is below the limit; 2^64 - 1 without a limit (0). Where one side has no pool it is the
    other's max_sell or max_buy, with its errors.

    >>> pool = ConstantProductPool(tao_rao=1000, alpha_rao=1000)
    >>> max_move(pool, pool, RAO // 2), max_move(pool, pool, RAO // 10), max_move(pool, pool, 2 * RAO)
    (500, 4500, 0)
    """
    limit = amount(limit_rao, "limit_rao")
    if origin is None and destination is None:
        return U64_MAX if limit <= RAO else 0
    if destination is None:
        assert origin is not None
        return origin.max_sell(limit)
    if origin is None:
        return destination.max_buy(_inverted(limit)) if limit else U64_MAX
    return _between(origin, destination, limit)


def move(
    origin: Pool, destination: Pool, alpha_rao: int, limit_rao: int = 0, partial: bool = False
) -> tuple[Pool, Pool, Receipt, Receipt]:
    """Return both pools after `alpha_rao` moved, and the receipts of its sale and of the purchase.

    The sale alone pays a fee. SlippageTooHigh: more than max_move, unless `partial` cuts the amount to it.

    >>> pool = ConstantProductPool(tao_rao=100 * RAO, alpha_rao=100 * RAO)
    >>> sale, purchase = move(pool, pool, 100 * RAO)[2:]
    >>> sale.received / RAO, round(purchase.received / RAO, 6)
    (50.0, 33.333333)
    """
    most = max_move(origin, destination, limit_rao)
    moved = amount(alpha_rao, "alpha_rao")
    if not most:
        raise PriceLimitExceeded(f"the pools' rate has reached the limit {limit_rao / RAO:.9g}")
    if moved > most and not partial:
        raise SlippageTooHigh(f"{moved} alpha-rao, {most} fit the limit {limit_rao / RAO:.9g}")
    left, sale = origin.sell(min(moved, most))
    if isinstance(destination, FullRangePool):
        joined, purchase = destination.buy(sale.received, free=True)
        return left, joined, sale, purchase
    entered, purchase = destination.buy(sale.received)
    return left, entered, sale, purchase


def _inverted(limit: int) -> int:
    """Return a rate of alpha per TAO in billionths as a price in rao of TAO per alpha."""
    tao = U64F64.of(RAO)
    return U64F64.floor(U64F64.multiply(U64F64.safe_divide(tao, U64F64.of(limit)), tao))


def _between(origin: Pool, destination: Pool, limit: int) -> int:
    tao_1, tao_2 = U64F64.of(origin.tao_rao), U64F64.of(destination.tao_rao)
    alpha_1, alpha_2 = U64F64.of(origin.alpha_rao), U64F64.of(destination.alpha_rao)
    if not (tao_1 and tao_2 and alpha_1 and alpha_2):
        return 0
    rate = U64F64.divide(U64F64.of(limit), U64F64.of(RAO))
    if rate > U64F64.safe_divide(origin.price_raw, destination.price_raw):
        return 0
    if not limit:
        return U64_MAX
    both = U64F64.add(tao_1, tao_2)
    brought = U64F64.safe_divide(U64F64.multiply(alpha_2, U64F64.safe_divide(tao_1, both)), rate)
    held = U64F64.multiply(alpha_1, U64F64.safe_divide(tao_2, both))
    return U64F64.floor(U64F64.subtract(brought, held))
