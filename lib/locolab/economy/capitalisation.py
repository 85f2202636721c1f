"""What a subnet's alpha tokens are "worth": three conventions of market capitalisation, and what can leave.

A market capitalisation is the price of the last trade times a count of tokens. Selling them moves the price,
and the pool can pay out only the TAO that it holds. Everything here is in TAO and vectorised.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from locolab.economy.curve import FEE_SHARE, inflow_share_for, sell
from locolab.economy.subnets import Array
from locolab.economy.units import MAX_SUPPLY


class MarketCaps(NamedTuple):
    """Spot price times the alpha outside the pool, all alpha issued, and the 21 million there can ever be."""

    outside_tao: Array
    issued_tao: Array
    full_supply_tao: Array


def market_caps(pool_tao: ArrayLike, pool_alpha: ArrayLike, outside_alpha: ArrayLike) -> MarketCaps:
    """Return the three conventions for pools given in tokens; errors as `curve.sell`.

    >>> [cap.item() for cap in market_caps(pool_tao=100.0, pool_alpha=1000.0, outside_alpha=3000.0)]
    [300.0, 400.0, 2100000.0]
    """
    pool = sell(pool_tao, pool_alpha, 0.0)
    outside = sell(pool_tao, pool_alpha, outside_alpha).paid
    price = pool.tao / pool.alpha
    return MarketCaps(price * outside, price * (pool.alpha + outside), price * MAX_SUPPLY)


def liquidation_tao(
    pool_tao: ArrayLike, pool_alpha: ArrayLike, outside_alpha: ArrayLike, fee: float = FEE_SHARE
) -> Array:
    """Return the TAO that all holders together are paid if they sell `outside_alpha` at once.

    Always less than the pool's TAO, however high the spot price: with a fee f, tau*o(1-f) / (a + o(1-f)).

    >>> liquidation_tao(pool_tao=100.0, pool_alpha=1000.0, outside_alpha=3000.0, fee=0.0).item()
    75.0
    """
    return sell(pool_tao, pool_alpha, outside_alpha, fee).received


def withdrawable_share(outside_per_pool_alpha: ArrayLike, fee: float = FEE_SHARE) -> Array:
    """Return which share of price times alpha outside the pool selling all of it pays.

    (1-f) / (1 + (1-f) o/a), with o/a the alpha outside per alpha in the pool: the TAO in the pool cancels.

    >>> withdrawable_share([0.0, 1.0, 3.0], fee=0.0).tolist()
    [1.0, 0.5, 0.25]
    """
    ratio = sell(1.0, 1.0, outside_per_pool_alpha, fee).paid
    return (1 - fee) / (1 + (1 - fee) * ratio)


def withdrawable_share_after(
    multiple: ArrayLike, outside_per_pool_alpha: ArrayLike, fee: float = FEE_SHARE
) -> Array:
    """Return `withdrawable_share` once buying has multiplied the price: the alpha bought is outside now.

    `outside_per_pool_alpha` is the ratio before. A pool keeps 1/sqrt(multiple) of its alpha. ValueError for a
    multiple that is not above 0, or so low that more alpha is sold than there was outside.

    >>> withdrawable_share_after([1.0, 4.0], outside_per_pool_alpha=1.0, fee=0.0).tolist()
    [0.5, 0.25]
    """
    growth = 1 + inflow_share_for(multiple)
    return withdrawable_share((np.asarray(outside_per_pool_alpha, np.float64) + 1) * growth - 1, fee)
