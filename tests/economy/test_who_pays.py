"""Subsidy, demand and uncertainty: golden figures by hand, both models' common limit, refused inputs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.economy import demand, subsidy
from locolab.economy.intervals import Bounds
from locolab.economy.uncertainty import Range, draw, one_at_a_time, rank_correlations

RATIO, PREMIUM = Bounds(22, 40), Bounds(1.6, 3.5)
"""The article's ranges of risk one."""

ratios, parts, elasticities = st.floats(0.01, 200), st.floats(0, 1), st.floats(0, 4)


def test_what_the_ranges_of_the_article_imply():
    assert subsidy.customers_share(RATIO) == Bounds(1 / 41, 1 / 23)
    today = subsidy.relative_price(PREMIUM, RATIO)
    assert (today.low, today.high) == pytest.approx((1.6 / 41, 3.5 / 23))
    assert subsidy.break_even_multiple(RATIO, 0.5) == Bounds(12, 21)
    assert subsidy.relative_price(PREMIUM, RATIO, 0.0) == PREMIUM
    quarter = subsidy.relative_price(PREMIUM, RATIO, 0.25)
    assert quarter.low == pytest.approx(1.6 * 31 / 41)


@given(ratios, st.floats(0.1, 10), parts)
def test_the_relative_price_is_todays_times_the_multiple(ratio, premium, left):
    today = subsidy.relative_price(premium, ratio)
    later = today * subsidy.break_even_multiple(ratio, left)
    assert subsidy.relative_price(premium, ratio, left) == pytest.approx(later, rel=1e-9)


@given(ratios, parts)
def test_without_users_who_leave_both_models_agree(ratio, left):
    price = demand.break_even_price(ratio, left, 0.0).item()
    assert price == pytest.approx(subsidy.break_even_multiple(ratio, left), rel=1e-9)


@given(ratios, st.floats(0, 2), elasticities, st.floats(0.3, 3))
def test_receipts_meet_the_cost_at_the_break_even_price(ratio, left, elasticity, cost):
    price = demand.break_even_price(ratio, left, elasticity, cost).item()
    receipts = price + left * ratio * price**elasticity
    assert receipts == pytest.approx(cost * (1 + ratio), rel=1e-6) or (elasticity < 0.05 and price < 1e-6)


@given(ratios, parts, elasticities)
def test_price_and_subsidy_undo_each_other(ratio, left, elasticity):
    price = demand.break_even_price(ratio, left, elasticity)
    assert demand.subsidy_at_price(price, ratio, elasticity).item() == pytest.approx(left, abs=1e-9)


@given(ratios, parts, st.floats(0, 3), st.floats(0, 1))
def test_users_who_leave_hold_the_price_down(ratio, left, elasticity, more):
    steady = demand.break_even_price(ratio, left, elasticity).item()
    assert demand.break_even_price(ratio, left, elasticity + more).item() <= steady * (1 + 1e-9)


def test_all_of_the_subsidy_changes_nothing_and_none_of_it_leaves_the_cost():
    elasticity = np.array([0.0, 0.5, 1.0, 3.0])
    assert demand.break_even_price(30.0, 1.0, elasticity) == pytest.approx(np.ones(4))
    assert demand.break_even_price(30.0, 0.0, elasticity) == pytest.approx(np.full(4, 31.0))


def test_a_cut_by_hand():
    # elasticity 1: x + 9.5 x = 20; cost 20 is twice the competitor's price, so the price today is 0.1 of it
    found = demand.after_cut(0.5, subsidy_ratio=19.0, premium=2.0, elasticity=1.0)
    assert found.relative_price.item() == pytest.approx(0.1 * 20 / 10.5)
    assert found.volume.item() == pytest.approx(10.5 / 20)


def test_the_part_that_pays_the_token_and_the_cost_enter_as_factors():
    given_ = {"premium": 2.0, "elasticity": 1.0}
    part = demand.after_cut(0.5, subsidy_ratio=38.0, paying_part=0.5, **given_)
    assert part.volume == pytest.approx(demand.after_cut(0.5, subsidy_ratio=19.0, **given_).volume)
    token = demand.after_cut(0.25, subsidy_ratio=19.0, token_price=2.0, **given_)
    assert token.volume == pytest.approx(demand.after_cut(0.5, subsidy_ratio=19.0, **given_).volume)
    cheap = demand.after_cut(0.0, subsidy_ratio=19.0, unit_cost=0.5, **given_)
    assert cheap.relative_price == pytest.approx(2.0 * 0.5)


def test_a_price_of_nothing_is_met_by_no_end_of_demand():
    assert demand.volume_left(0.0, 1.0) == math.inf
    assert demand.volume_left(0.0, 0.0) == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: subsidy.customers_share(-1.0), "subsidy ratio should be at least zero"),
        (lambda: subsidy.customers_share(math.nan), "subsidy ratio should be at least zero"),
        (lambda: subsidy.subsidy_ratio(1.0, 0.0), "revenue should lie above zero"),
        (lambda: subsidy.subsidy_ratio(Bounds(-1, 1), 1.0), "subsidy should be at least zero"),
        (lambda: subsidy.break_even_multiple(1.0, -0.1), "remaining subsidy should be at least zero"),
        (lambda: subsidy.relative_price(Bounds(-1, 1), Bounds(1, 2)), "premium should be at least zero"),
        (lambda: demand.break_even_price(1.0, 0.5, -1.0), "elasticity"),
        (lambda: demand.break_even_price(1.0, math.inf, 1.0), "remaining"),
        (lambda: demand.volume_left(-1.0, 1.0), "price_multiple"),
        (lambda: demand.subsidy_at_price(1.0, 0.0, 1.0), "should lie above zero"),
        (lambda: Range(0, 1, "x"), "0 < low <= high"),
        (lambda: Range(2, 1, "x"), "0 < low <= high"),
        (lambda: draw({"a": Range(1, 2, "x")}, 0, seed=0), "at least one draw"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


RANGES = {"a": Range(1, 4, "x"), "b": Range(1, 9, "y"), "unused": Range(0.1, 10, "z")}


def test_draws_are_seeded_inside_their_ranges_and_uniform_in_the_logarithm():
    drawn = draw(RANGES, 20_000, seed=3)
    again = draw(RANGES, 20_000, seed=3)
    for name, each in RANGES.items():
        assert np.array_equal(drawn[name], again[name])
        assert each.low <= drawn[name].min()
        assert drawn[name].max() <= each.high
        assert np.median(drawn[name]) == pytest.approx(each.middle, rel=0.05)
    assert not np.array_equal(drawn["a"], draw(RANGES, 20_000, seed=4)["a"])


def test_an_input_that_enters_nothing_is_last_and_uncorrelated():
    def model(a, b, unused):
        return a / b**2

    bars = one_at_a_time(model, RANGES)
    assert bars["input"].tolist() == ["b", "a", "unused"]
    assert bars.iloc[2]["at_low"] == bars.iloc[2]["at_high"]
    drawn = draw(RANGES, 20_000, seed=0)
    found = rank_correlations(drawn, model(**drawn))
    assert found["b"] < -0.8
    assert 0.2 < found["a"] < 0.5
    assert abs(found["unused"]) < 0.03


def test_rank_correlation_does_not_mind_a_bend():
    a = np.linspace(1, 5, 50)
    assert rank_correlations({"a": a}, np.exp(a)) == {"a": pytest.approx(1.0)}
