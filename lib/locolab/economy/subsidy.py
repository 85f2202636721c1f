"""Who pays for one unit of a service: the customer's price, and new tokens beside it.

Money is counted per unit and in today's price, which is 1. A subsidy of r per dollar of revenue makes the
receipts 1 + r; at break-even they are what the unit costs. Without any subsidy the price would be that cost,
and the *premium* is that price over a competitor's. Nobody leaves and a unit's cost stays: `demand` lets
users leave. Every function takes plain numbers, or intervals (`Bounds`) where a figure is a range, and names
each once.
"""

from __future__ import annotations

from locolab.economy.intervals import Bounds
from locolab.economy.valuation import Quantity


def customers_share(subsidy_ratio: Quantity) -> Quantity:
    """Return the part of the receipts that customers pay: 1 / (1 + ratio).

    >>> customers_share(19.0), customers_share(0.0)
    (0.05, 1.0)
    """
    return 1.0 / (_at_least_zero("subsidy ratio", subsidy_ratio) + 1.0)


def subsidy_ratio(subsidy_usd: Quantity, revenue_usd: Quantity) -> Quantity:
    """Return the dollars of new tokens beside each dollar of revenue, both of the same period.

    >>> subsidy_ratio(38e6, 2e6)
    19.0
    """
    _at_least_zero("subsidy", subsidy_usd)
    if not _low(revenue_usd) > 0:
        raise ValueError(f"revenue should lie above zero, got {revenue_usd}")
    return subsidy_usd / revenue_usd


def break_even_multiple(subsidy_ratio: Quantity, remaining: float) -> Quantity:
    """Return the break-even price over today's once the part `remaining` of the subsidy per unit is left.

    >>> break_even_multiple(19.0, 0.5), break_even_multiple(19.0, 0.0)
    (10.5, 20.0)
    """
    _at_least_zero("the remaining subsidy", remaining)
    return _at_least_zero("subsidy ratio", subsidy_ratio) * (1.0 - remaining) + 1.0


def relative_price(premium: Quantity, subsidy_ratio: Quantity, remaining: float = 1.0) -> Quantity:
    """Return the break-even price over the competitor's; with all of the subsidy it is today's price.

    premium: the price without subsidy over the competitor's. The subsidised part of the receipts is one
    minus the customers', so that the ratio is named once.

    >>> [round(relative_price(2.0, 19.0, left), 3) for left in (1.0, 0.5, 0.0)]
    [0.1, 1.05, 2.0]
    """
    _at_least_zero("the remaining subsidy", remaining)
    subsidised = 1.0 - customers_share(subsidy_ratio)
    return _at_least_zero("premium", premium) * (1.0 - subsidised * remaining)


def _at_least_zero(what: str, quantity: Quantity) -> Quantity:
    if not _low(quantity) >= 0:
        raise ValueError(f"{what} should be at least zero, got {quantity}")
    return quantity


def _low(quantity: float | Bounds) -> float:
    return quantity.low if isinstance(quantity, Bounds) else quantity
