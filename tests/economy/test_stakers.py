"""Stakers who chase returns: the loop's gain against its formula, its budget, both directions, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.economy import Subnets, simulate
from locolab.economy.stakers import MOST_OUT, ReturnChasers, amplification, outside_flows
from locolab.economy.stories import tell

DEEP = {"tao_pool": 1e6, "alpha_pool": 5e7, "alpha_outside": 5e7}  # emission hardly matters


def walk(stakers, start, periods):
    """Return log prices without emission: each flow moves the pool along its product."""
    tao, alpha, prices = start.tao_pool, start.alpha_pool, [np.log(start.price)]
    for period in range(periods):
        flow = stakers(Subnets(tao, alpha, start.alpha_outside), period)
        tao, alpha = tao + flow, tao * alpha / (tao + flow)
        prices.append(np.log(tao / alpha))
    return np.array(prices) - prices[0]


@pytest.mark.parametrize("memory", [1, 3])
@pytest.mark.parametrize("push", [1e-4, -1e-4])
def test_small_changes_are_multiplied_as_the_series_says(memory, push):
    chases = [0.0, 0.1, 0.25, 0.4]
    flows = outside_flows(200, 4, seed=0, noise=0.0, pushes=[(0, 0, push)])
    ends = walk(ReturnChasers(flows, chases, memory), Subnets(np.full(4, 100.0), 1000.0), 200)[-1]
    assert ends / ends[0] == pytest.approx([amplification(chase) for chase in chases], rel=2e-3)


def test_a_loop_of_one_half_feeds_itself():
    flows = outside_flows(40, 2, seed=0, noise=0.0, pushes=[(0, 0, 0.01)])
    path = walk(ReturnChasers(flows, [0.5, 0.6]), Subnets([100.0, 100.0], 1000.0), 40)
    assert (np.diff(path[5:, 1]) > np.diff(path[4:-1, 1])).all()  # ever faster
    assert np.diff(path[5:, 0]) == pytest.approx(0.0194, rel=0.2)  # on and on, hardly slower
    with pytest.raises(ValueError, match="feeds itself"):
        amplification(0.5)


def test_the_budget_ends_purchases_and_sales_refill_it():
    flows = outside_flows(20, 2, seed=0, noise=0.0, pushes=[(0, 0, 0.2)])
    stakers = ReturnChasers(flows, 0.45, budget_tao=15.0)
    walk(stakers, Subnets([100.0, 100.0], 1000.0), 20)
    assert stakers.paid_tao == pytest.approx(15.0)
    falling = ReturnChasers(-flows, 0.45, budget_tao=0.0)
    path = walk(falling, Subnets([100.0, 100.0], 1000.0), 20)
    assert falling.paid_tao < 0
    assert (path[-1] < path[1]).all()


def test_subnets_share_one_budget_alike():
    stakers = ReturnChasers(np.zeros((2, 2)), 0.25, budget_tao=6.0)
    stakers(Subnets([100.0, 100.0], 1000.0), 0)
    flow = stakers(Subnets([100.0, 100.0], [1000 / np.e, 1000 / np.e**3]), 1)
    assert flow == pytest.approx([1.5, 4.5])


def test_it_closes_the_loop_around_the_simulation():
    flows = outside_flows(3, 2, seed=0, noise=0.0, pushes=[(0, 0, 0.05)])
    stakers = ReturnChasers(flows, [0.0, 0.3])
    history = simulate(
        Subnets(np.full(2, 1e6), 5e7, 5e7), 3 * 20, stakers, period_blocks=20, record_blocks=20
    )
    price = history.price
    assert price[1, 0] == pytest.approx(price[1, 1], rel=1e-6)  # chasers have seen nothing yet
    assert price[2, 1] > 1.02 * price[2, 0]
    again = simulate(
        Subnets(np.full(2, 1e6), 5e7, 5e7),
        3 * 20,
        ReturnChasers(flows, [0.0, 0.3]),
        period_blocks=20,
        record_blocks=20,
    )
    assert (again.price == price).all()


@given(st.floats(-3, 3), st.floats(0, 2), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_no_pool_is_emptied(push, chase, seed):
    flows = outside_flows(6, 3, seed, noise=0.3, pushes=[(1, 3, push)])
    stakers = ReturnChasers(flows, chase)
    tao = np.full(3, 100.0)
    for period in range(6):
        flow = stakers(Subnets(tao, 1e5 / tao, 1e9), period)
        assert (flow >= -MOST_OUT * tao * (1 + 1e-12)).all()
        tao = np.clip(tao + flow, 1e-6, 1e12)


def test_noise_is_the_seeds_and_pushes_come_on_top():
    same = outside_flows(5, 3, seed=7), outside_flows(5, 3, seed=7)
    assert (same[0] == same[1]).all()
    assert not (same[0] == outside_flows(5, 3, seed=8)).all()
    pushed = outside_flows(5, 3, seed=7, pushes=[(1, 2, 0.5), (4, 9, -0.5)])
    assert (pushed - same[0])[:, 0] == pytest.approx([0, 0.5, 0.5, 0, -0.5])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ReturnChasers([[0.1]], -0.1), "chase"),
        (lambda: ReturnChasers([[np.nan]], 0.1), "others"),
        (lambda: ReturnChasers([[0.1]], 0.1, memory=0.5), "memory is at least 1"),
        (lambda: ReturnChasers([[0.1]], 0.1, budget_tao=-1), "budget at least 0"),
        (lambda: ReturnChasers([[0.1]], 0.1)(Subnets([1.0], 1.0), 1), "period 1 is missing"),
        (lambda: outside_flows(0, 1, 0), "periods and n from 1"),
    ],
)
def test_bad_input_says_what_to_give(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_stories_differ_by_what_happens_only():
    pushes = {"in": [(0, 0, 0.1)], "quiet": []}
    table = tell(pushes, chases=[0.0], seeds=[3, 4], days=1, n_subnets=5, noise=0.01)
    price = table[table["day"] == 1].set_index(["story", "seed"])["price"]
    grown = np.sqrt(price["in"]) - np.sqrt(price["quiet"])
    assert grown.to_numpy() == pytest.approx([0.1, 0.1], abs=6e-3)  # fee and emission aside
    assert (table[table["day"] == 0]["price"] == 1).all()
    assert set(table["day"]) == {0, 1}
    with pytest.raises(ValueError, match="2 stories x 1 chases x 3 seeds for 5 subnets"):
        tell(pushes, [0.0], [1, 2, 3], n_subnets=5)
