"""Valuation quantities: golden figures of the article's date, identities between them, refused inputs."""

import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.economy import valuation
from locolab.economy.intervals import Bounds

POSITIVE = st.floats(1e-3, 1e12)
CAP, SUPPLY, TOTAL = 3.42e9, 10.78e6, 21e6
"""The article's table of 2026-03-29: circulating market cap (USD), circulating and total supply (TAO)."""


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (valuation.price_usd(CAP, SUPPLY), 317.25),
        (valuation.fully_diluted_usd(CAP, SUPPLY, TOTAL), 6.6623e9),
        (valuation.annualised_usd_per_year(43e6), 172e6),
        (valuation.annualised_by_days_usd_per_year(43e6, 88), 178.35e6),
        (valuation.price_to_sales(CAP, 172e6), 19.884),
        (valuation.price_to_sales(CAP, 15e6), 228),
        (valuation.share_percent(3.43e9, 17.46e9), 19.645),
        (valuation.share_percent(7.34e6, SUPPLY), 68.089),
        (valuation.growth_factor(444.0), 5.44),
        (valuation.before_growth(130e6, 444.0), 23.897e6),
    ],
)
def test_the_figures_of_the_article(result, expected):
    assert result == pytest.approx(expected, rel=1e-4)


@given(POSITIVE, POSITIVE)
def test_price_and_market_cap_undo_each_other(price, supply):
    assert valuation.price_usd(valuation.market_cap_usd(price, supply), supply) == pytest.approx(price)


@given(POSITIVE, POSITIVE, st.floats(1, 100))
def test_both_multiples_differ_as_both_supplies_do(cap, supply, more):
    diluted = valuation.fully_diluted_usd(cap, supply, supply * more)
    multiples = valuation.price_to_sales(diluted, 1e6) / valuation.price_to_sales(cap, 1e6)
    assert multiples == pytest.approx(more)


@given(st.floats(-99, 1e4), POSITIVE)
def test_growth_and_what_was_before_it(rise, before):
    after = before * valuation.growth_factor(rise)
    assert valuation.before_growth(after, rise) == pytest.approx(before)


@given(POSITIVE, st.floats(1, 1.1), POSITIVE, st.floats(1, 1.1))
def test_intervals_hold_the_result_of_their_middles(cap, wide, revenue, broad):
    result = valuation.price_to_sales(Bounds(cap, cap * wide), Bounds(revenue, revenue * broad))
    assert valuation.price_to_sales(math.sqrt(wide) * cap, math.sqrt(broad) * revenue) in result


def test_the_diluted_valuation_is_as_narrow_as_its_figures_allow():
    diluted = valuation.fully_diluted_usd(Bounds(3.415e9, 3.425e9), Bounds(10.775e6, 10.785e6), 21e6)
    assert diluted.low == pytest.approx(3.415e9 / 10.785e6 * 21e6)
    assert diluted.high == pytest.approx(3.425e9 / 10.775e6 * 21e6)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, Bounds(-1, 1)])
@pytest.mark.parametrize(
    ("function", "what"),
    [
        (valuation.market_cap_usd, "price"),
        (valuation.price_usd, "market cap"),
        (valuation.price_to_sales, "market cap"),
    ],
)
def test_what_lies_not_above_zero_is_refused_by_name(function, what, bad):
    with pytest.raises(ValueError, match=f"{what} should lie above zero"):
        function(bad, 1.0)
    with pytest.raises(ValueError, match=r"(supply|revenue) should lie above zero"):
        function(1.0, bad)


def test_a_fall_of_everything_and_no_days_are_refused():
    with pytest.raises(ValueError, match="what is left after the change"):
        valuation.growth_factor(-100.0)
    with pytest.raises(ValueError, match="at least one day"):
        valuation.annualised_by_days_usd_per_year(1.0, 0)


def test_names_carry_units():
    functions = dict(inspect.getmembers(valuation, inspect.isfunction))
    public = [name for name in functions if not name.startswith("_")]
    unitless = {"price_to_sales", "growth_factor", "before_growth"}  # ratios, and what keeps its unit
    assert all("usd" in name or "percent" in name for name in set(public) - unitless)
