"""The pools' curve in float64 for simulations: whole arrays of pools and trades at once, in tokens.

The same formulas as `constant_product` (fee 0, limits on the average price) and `full_range` (fee 33/65535,
limits on the end price) without their rounding. All arguments are numbers or arrays that broadcast; prices
are TAO per alpha token.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from locolab.economy.subnets import POSITIVE, Array, finite
from locolab.economy.swap_step import FEE_RATE, FEE_SCALE
from locolab.economy.trade import Side

LimitOn = Literal["end", "average"]

FEE_SHARE = FEE_RATE / FEE_SCALE
"""The part of what is paid in that the pools of 2025-26 keep out of the pool: 0.0504 %."""


class Trades(NamedTuple):
    """Pools after a trade each (`tao`, `alpha`) and what was paid, kept as fee and received, in tokens."""

    tao: Array
    alpha: Array
    paid: Array
    fee: Array
    received: Array


def buy(
    tao: ArrayLike,
    alpha: ArrayLike,
    paid_tao: ArrayLike,
    fee: float = FEE_SHARE,
    limit: ArrayLike | None = None,
    limit_on: LimitOn = "end",
) -> Trades:
    """Return the pools after `paid_tao` bought alpha in each.

    `limit` is the highest price, at the end or on average; an order is cut to what fits it, to 0 if the
    price is there already. ValueError: an amount is negative, infinite or NaN, or a pool has an empty side.

    >>> trade = buy(tao=100.0, alpha=100.0, paid_tao=[0.0, 100.0, 300.0], fee=0.0)
    >>> trade.received.tolist(), (trade.tao / trade.alpha).tolist()
    ([0.0, 50.0, 75.0], [1.0, 4.0, 16.0])
    """
    return _trade("buy", tao, alpha, paid_tao, fee, limit, limit_on)


def sell(
    tao: ArrayLike,
    alpha: ArrayLike,
    paid_alpha: ArrayLike,
    fee: float = FEE_SHARE,
    limit: ArrayLike | None = None,
    limit_on: LimitOn = "end",
) -> Trades:
    """Return the pools after `paid_alpha` were sold to each; `limit` is the lowest price, else as `buy`.

    >>> sell(tao=100.0, alpha=100.0, paid_alpha=300.0, fee=0.0).received.item()
    75.0
    """
    return _trade("sell", tao, alpha, paid_alpha, fee, limit, limit_on)


def most(
    side: Side,
    tao: ArrayLike,
    alpha: ArrayLike,
    limit: ArrayLike,
    fee: float = FEE_SHARE,
    on: LimitOn = "end",
) -> Array:
    """Return how much an order may pay, fee included, before the end (or average) price reaches `limit`.

    >>> [most("buy", 150.0, 100.0, limit, 0.0, on).item() for limit, on in ((24.0, "end"), (6.0, "average"))]
    [450.0, 450.0]
    """
    into, out, factor = _sides(side, finite("tao", tao, POSITIVE), finite("alpha", alpha, POSITIVE), limit)
    reach = np.sqrt(into * out * factor) if on == "end" else out * factor
    return np.maximum(reach - into, 0.0) / (1 - _fee(fee))


def price_multiple(inflow_share: ArrayLike) -> Array:
    """Return by what a pool's price is multiplied by a net inflow of TAO, given as a share of its TAO.

    (1 + x)^2: without a change of its product, x times the pool's TAO more leave 1/(1 + x) of its alpha.
    A negative share is TAO that left. ValueError at -1 and below.

    >>> price_multiple([-0.5, 0.0, 1.0]).tolist()
    [0.25, 1.0, 4.0]
    """
    share = finite("inflow_share", inflow_share, least=None)
    if (share <= -1).any():
        raise ValueError("inflow_share: a pool cannot lose all of its TAO; give more than -1")
    return (1 + share) ** 2


def inflow_share_for(multiple: ArrayLike) -> Array:
    """Return the net inflow, as a share of the pool's TAO, that multiplies its price: sqrt(multiple) - 1.

    The inverse of `price_multiple`: +444 % is a multiple of 5.44. Buyers pay 1/(1 - FEE_SHARE) of it.

    >>> inflow_share_for([0.25, 1.0, 4.0]).tolist()
    [-0.5, 0.0, 1.0]
    """
    factor = finite("multiple", multiple, least=None)
    if (factor <= 0).any():
        raise ValueError("multiple: a price stays above zero; give more than 0")
    return np.sqrt(factor) - 1


def _trade(
    side: Side,
    tao: ArrayLike,
    alpha: ArrayLike,
    paid: ArrayLike,
    fee: float,
    limit: ArrayLike | None,
    limit_on: LimitOn,
) -> Trades:
    paid_all = finite("paid", paid)
    if limit is not None:
        paid_all = np.minimum(paid_all, most(side, tao, alpha, limit, fee, limit_on))
    kept = paid_all * _fee(fee)
    net = paid_all - kept
    into, out, _ = _sides(side, finite("tao", tao, POSITIVE), finite("alpha", alpha, POSITIVE), 1.0)
    received = out * net / (into + net)
    after = (into + net, out - received) if side == "buy" else (out - received, into + net)
    return Trades(*np.broadcast_arrays(*after, paid_all, kept, received))


def _sides(side: Side, tao: Array, alpha: Array, limit: ArrayLike) -> tuple[Array, Array, Array]:
    """Return what is paid into, what is paid out of, and the limit as paid per received."""
    price = finite("limit", limit, POSITIVE)
    return (tao, alpha, price) if side == "buy" else (alpha, tao, 1 / price)


def _fee(fee: float) -> float:
    if not 0 <= fee < 1:
        raise ValueError(f"fee = {fee}: give the share of what is paid, 0 to below 1")
    return fee
