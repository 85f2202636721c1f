"""Quantities of a valuation and how they follow from each other; the names carry the units.

Every function takes plain numbers, or intervals (`Bounds`) where a figure is known to a rounding, and names
each figure once, so that the interval it returns is as narrow as its inputs allow. Supplies, revenues and
prices lie above zero: anything else is a ValueError.

Nothing here knows a price. Market capitalisation is a convention, price times some count of tokens: it is
no amount that anybody paid, and none that all holders together could be paid.
"""

from __future__ import annotations

from typing import TypeVar

from locolab.economy.intervals import Bounds

Quantity = TypeVar("Quantity", float, Bounds)

QUARTERS_PER_YEAR, DAYS_PER_YEAR = 4, 365


def market_cap_usd(price_usd: Quantity, supply_tokens: Quantity) -> Quantity:
    """Return price times supply, in US dollars.

    >>> market_cap_usd(300.0, 10e6)
    3000000000.0
    """
    return _positive("price", price_usd) * _positive("supply", supply_tokens)


def price_usd(market_cap_usd: Quantity, supply_tokens: Quantity) -> Quantity:
    """Return the price of one token that a market capitalisation and its supply imply, in US dollars.

    >>> price_usd(3e9, 10e6)
    300.0
    """
    return _positive("market cap", market_cap_usd) / _positive("supply", supply_tokens)


def fully_diluted_usd(
    market_cap_usd: Quantity, circulating_tokens: Quantity, total_tokens: Quantity
) -> Quantity:
    """Return the market capitalisation if all tokens there can ever be circulated at the same price, in USD.

    >>> fully_diluted_usd(3e9, 10e6, 21e6)
    6300000000.0
    """
    return price_usd(market_cap_usd, circulating_tokens) * _positive("total supply", total_tokens)


def annualised_usd_per_year(quarter_usd: Quantity) -> Quantity:
    """Return a quarter's revenue continued in a straight line for a year: four times as much, in USD.

    >>> annualised_usd_per_year(43e6)
    172000000.0
    """
    return quarter_usd * float(QUARTERS_PER_YEAR)


def annualised_by_days_usd_per_year(revenue_usd: Quantity, days: int) -> Quantity:
    """Return what was taken in `days` days continued in a straight line for a year of 365, in US dollars.

    >>> annualised_by_days_usd_per_year(73e6, 73)
    365000000.0
    """
    if days < 1:
        raise ValueError(f"a revenue needs at least one day to be continued from, got {days}")
    return revenue_usd * (DAYS_PER_YEAR / days)


def price_to_sales(market_cap_usd: Quantity, revenue_usd_per_year: Quantity) -> Quantity:
    """Return market capitalisation over a year's revenue: the years of revenue that the market pays for.

    >>> price_to_sales(3e9, 150e6)
    20.0
    """
    return _positive("market cap", market_cap_usd) / _positive("revenue", revenue_usd_per_year)


def share_percent(part: Quantity, whole: Quantity) -> Quantity:
    """Return a part of a whole in percent; volume over market cap and staked over supply are shares too.

    >>> share_percent(7.0, 28.0)
    25.0
    """
    return part / _positive("whole", whole) * 100.0


def growth_factor(rise_percent: Quantity) -> Quantity:
    """Return by what a quantity was multiplied that rose by some percent: +444 % is 5.44 times.

    Raises ValueError for a fall of 100 % or more.

    >>> growth_factor(444.0)
    5.44
    """
    return _positive("what is left after the change", rise_percent / 100.0 + 1.0)


def before_growth(after: Quantity, rise_percent: Quantity) -> Quantity:
    """Return what a quantity was before it rose by some percent to `after`, in the unit of `after`.

    A market capitalisation grows with price and supply; this is what it was if the supply did not change.

    >>> before_growth(300.0, 200.0)
    100.0
    """
    return after / growth_factor(rise_percent)


def _positive(what: str, quantity: Quantity) -> Quantity:
    low = quantity.low if isinstance(quantity, Bounds) else quantity
    if not low > 0:
        raise ValueError(f"{what} should lie above zero, got {quantity}")
    return quantity
