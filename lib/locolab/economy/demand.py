"""Users who leave as a price rises, and the price at which a shrinking subsidy still pays for those who stay.

Demand has a constant *elasticity* e: volume is (price / today's price) ** -e, so with e = 1 it falls in step
with the price, below 1 more slowly (inelastic), above 1 faster (elastic). The subsidy is a sum, not an amount
per unit: whoever leaves leaves more of it for the others. A unit costs the same at every volume. A model, not
a forecast; all arguments are numbers or arrays that broadcast.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from locolab.economy.subnets import Array, finite

_HALVINGS = 100
"""Steps of the bisection; a float has 53 digits, the rest is for prices far below today's."""


def volume_left(price_multiple: ArrayLike, elasticity: ArrayLike) -> Array:
    """Return the part of today's volume that is bought at a multiple of today's price; infinite for nothing.

    >>> volume_left([1.0, 4.0], 0.5).tolist(), volume_left(4.0, 1.0).item()
    ([1.0, 0.5], 0.25)
    """
    multiple, e = finite("price_multiple", price_multiple), finite("elasticity", elasticity)
    with np.errstate(divide="ignore"):
        return np.asarray(multiple**-e)


def break_even_price(
    subsidy_ratio: ArrayLike, remaining: ArrayLike, elasticity: ArrayLike, unit_cost: ArrayLike = 1.0
) -> Array:
    """Return the break-even price, in today's, once the part `remaining` of the whole subsidy is left.

    Receipts per unit are the price x and the subsidy over the volume, ``remaining * ratio * x**e``; together
    they have to be the cost ``unit_cost * (1 + ratio)``, unit_cost in today's. The left side grows with x, so
    there is one such price, found by bisection; 0 where the subsidy alone pays for everything.

    >>> break_even_price(19.0, 0.5, elasticity=[0.0, 1.0]).round(3).tolist()
    [10.5, 1.905]
    """
    ratio, left, e = (
        finite(name, values)
        for name, values in (
            ("subsidy_ratio", subsidy_ratio),
            ("remaining", remaining),
            ("elasticity", elasticity),
        )
    )
    cost = finite("unit_cost", unit_cost) * (1 + ratio)
    low, high = np.zeros(np.broadcast_shapes(ratio.shape, left.shape, e.shape, cost.shape)), cost
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        dear = middle + left * ratio * middle**e >= cost
        low, high = np.where(dear, low, middle), np.where(dear, middle, high)
    return np.asarray(high)


def subsidy_at_price(price_multiple: ArrayLike, subsidy_ratio: ArrayLike, elasticity: ArrayLike) -> Array:
    """Return the part of the subsidy that makes a price the break-even price: inverse of `break_even_price`.

    Negative where the price is above the cost.

    >>> subsidy_at_price([10.5, 20.0], 19.0, elasticity=0.0).tolist()
    [0.5, 0.0]
    """
    price, ratio = finite("price_multiple", price_multiple), finite("subsidy_ratio", subsidy_ratio)
    if not (ratio > 0).all():
        raise ValueError(
            "without a subsidy no part of it sets the price: subsidy_ratio should lie above zero"
        )
    return np.asarray((1 + ratio - price) / ratio * volume_left(price, elasticity))


class AfterCut(NamedTuple):
    """The break-even price over the competitor's, and the part of today's volume bought at it."""

    relative_price: Array
    volume: Array


def after_cut(
    remaining: ArrayLike,
    *,
    subsidy_ratio: ArrayLike,
    premium: ArrayLike,
    elasticity: ArrayLike,
    paying_part: ArrayLike = 1.0,
    unit_cost: ArrayLike = 1.0,
    token_price: ArrayLike = 1.0,
) -> AfterCut:
    """Return price and volume once the part `remaining` of today's emission is left.

    premium: cost of a unit over the competitor's price, today. paying_part: how much of the subsidy pays for
    the service, the rest goes to others. unit_cost and token_price are factors on today's; the first is
    relative to the competitor's price.

    >>> found = after_cut(0.5, subsidy_ratio=19.0, premium=2.0, elasticity=1.0)
    >>> found.relative_price.round(3).item(), found.volume.round(3).item()
    (0.19, 0.525)
    """
    paid = finite("paying_part", paying_part) * finite("subsidy_ratio", subsidy_ratio)
    worth = finite("remaining", remaining) * finite("token_price", token_price)
    price = break_even_price(paid, worth, elasticity, unit_cost)
    return AfterCut(
        np.asarray(price * finite("premium", premium) / (1 + paid)), volume_left(price, elasticity)
    )
