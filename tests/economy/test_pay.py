"""A pay day: the split of its alpha, what a sale brings, and weights from the Gauntlet's schemes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.economy import RAO, FullRangePool
from locolab.economy.pay import pay_day
from locolab.gauntlet import reward_weights


def pool(tao=50_000, alpha=2_500_000, outside=2_500_000):
    return FullRangePool.open(tao * RAO, alpha * RAO, outside_rao=outside * RAO)


def test_the_split_is_18_41_41_and_nothing_is_lost():
    parts = pay_day({1: 1.0}, pool()).parts()
    assert parts["owner"] == pytest.approx(0.18 * 7200, rel=1e-4)
    assert parts["peers"] == pytest.approx(0.41 * 7200, rel=1e-4)
    assert parts["validators and their stakers"] == pytest.approx(0.41 * 7200, rel=1e-4)
    assert (parts["miners' part, burned"], parts["root stakers"]) == (0, 0)
    assert sum(parts.values()) == pytest.approx(7200)
    assert 0 <= parts["lost to rounding"] < 1e-3


def test_root_takes_its_part_from_validators_only():
    without, with_root = (pay_day({1: 1.0}, pool(), root_tao_rao=root) for root in (0, 5_000_000 * RAO))
    # 0.18 * 5 million weigh 0.9 million beside 5 million alpha
    assert with_root.parts()["root stakers"] + with_root.parts()["validators and their stakers"] == (
        pytest.approx(0.41 * 7200, rel=1e-4)
    )
    assert with_root.parts()["root stakers"] == pytest.approx(0.82 * 0.41 * 7200 * 0.9 / 5.9, rel=1e-3)
    assert with_root.parts()["peers"] == without.parts()["peers"]


def test_a_sale_follows_the_pools_formula():
    paid = pay_day({1: 1.0}, pool()).peers.iloc[0]
    alpha = paid["alpha"] * (1 - 33 / 65_535)
    assert paid["alone_tao"] == pytest.approx(50_000 * alpha / (2_500_000 + alpha), rel=1e-6)
    assert paid["at_spot_tao"] == pytest.approx(paid["alpha"] / 50, rel=1e-6)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.sampled_from(["templar", "paper"]))
@settings(max_examples=25, deadline=None)
def test_the_gauntlets_weights_arrive(scores, scheme):
    weights = reward_weights(dict(enumerate(scores)), scheme)
    if not any(weights.values()):
        with pytest.raises(ValueError, match="one is above 0"):
            pay_day(weights, pool())
        return
    paid = pay_day(weights, pool())
    peers = paid.peers.set_index("peer")
    for peer, weight in weights.items():
        assert peers["alpha"][peer] == pytest.approx(0.41 * 7200 * weight, rel=5e-3, abs=0.2)
    assert (peers["all_tao"] <= peers["alone_tao"] + 1e-9).all()
    assert (peers["alone_tao"] <= peers["at_spot_tao"]).all()
    assert math.isclose(sum(paid.parts().values()), 7200)


def test_after_the_alphas_own_halving_half_is_paid():
    young = pay_day({1: 1.0}, pool()).created_rao
    assert 2 * pay_day({1: 1.0}, pool(outside=9_000_000)).created_rao == young


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pay_day({1: -0.1, 2: 0.5}, pool()), "at least 0"),
        (lambda: pay_day({1: float("nan")}, pool()), "finite"),
        (lambda: pay_day({1: 0.7, 2: 0.4}, pool()), "sum to 1 or less"),
        (lambda: pay_day({}, pool()), "one is above 0"),
        (lambda: pay_day({1: 1.0}, pool(), blocks=0), "at least one block"),
        (lambda: pay_day({1: 1.0}, FullRangePool.open(RAO, RAO)), "give outside_rao"),
    ],
)
def test_bad_input_says_what_to_give(make, message):
    with pytest.raises(ValueError, match=message):
        make()
