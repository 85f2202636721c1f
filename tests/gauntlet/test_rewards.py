"""Reward weights under both schemes; figures of tplr-ai/templar v2.1.3, neurons/validator.py."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.gauntlet import owners_share, reward_weights

SCORES = st.dictionaries(st.integers(0, 300), st.floats(-10, 10), max_size=40)


def ranked(count):
    """Return `count` peers of which peer 0 has the best score."""
    return {peer: float(count - peer) for peer in range(count)}


@pytest.mark.parametrize(("reserves", "share"), [(10, 0.032), (1, 0.016)])
def test_the_cap_leaves_reserves_little(reserves, share):
    weights = reward_weights(ranked(20 + reserves))
    assert sum(list(weights.values())[20:]) / sum(weights.values()) == pytest.approx(share, abs=5e-4)
    assert weights[20] == pytest.approx(weights[19] / 2)


def test_lines_and_halves():
    weights = reward_weights(ranked(33), burn=0.0)
    steps = [weights[peer] - weights[peer + 1] for peer in range(19)]
    assert max(steps) == pytest.approx(min(steps))
    assert weights[0] == pytest.approx(2 * weights[19])
    assert [weights[peer + 1] / weights[peer] for peer in range(20, 29)] == pytest.approx([0.5] * 9)
    assert [weights[peer] for peer in (30, 31, 32)] == [0.0] * 3


def test_one_peer_takes_what_is_not_burned():
    assert reward_weights({5: 1e-9}) == {5: 0.5}
    assert reward_weights({5: 1e-9}, burn=1.0) == {5: 0.0}
    assert reward_weights({5: math.inf, 6: 1.0}) == pytest.approx({5: 1 / 3, 6: 1 / 6})


def test_ties_go_to_the_lower_peer():
    weights = reward_weights({9: 1.0, 3: 1.0, 5: 1.0})
    assert list(weights) == [9, 3, 5]
    assert weights[3] > weights[5] > weights[9]


def test_nobody_positive():
    for scheme in ("templar", "paper"):
        assert reward_weights({1: 0.0, 2: -3.0}, scheme=scheme) == {1: 0.0, 2: 0.0}
        assert reward_weights({}, scheme=scheme) == {}


def test_splitting_a_peer_pays_by_rank_and_not_by_square():
    others = dict.fromkeys(range(10, 15), 1.0)
    one, two = {0: 2.0, **others}, {0: 1.0, 1: 1.0, **others}  # peer 0 as two of half its score
    for scheme, pays in [("templar", True), ("paper", False)]:
        before = reward_weights(one, scheme=scheme, burn=0.0)[0]
        after = reward_weights(two, scheme=scheme, burn=0.0)
        assert (after[0] + after[1] > before) == pays


def test_squares_of_large_and_small_scores():
    assert reward_weights({1: 3e200, 2: 4e200}, scheme="paper") == pytest.approx({1: 9 / 25, 2: 16 / 25})
    assert reward_weights({1: 3e-300, 2: 4e-300}, scheme="paper") == pytest.approx({1: 9 / 25, 2: 16 / 25})


@given(SCORES, st.sampled_from(["templar", "paper"]), st.floats(0, 1))
def test_sums_and_signs(scores, scheme, burn):
    weights = reward_weights(scores, scheme=scheme, burn=burn)
    assert list(weights) == list(scores)
    assert all(weight >= 0 for weight in weights.values())
    assert all(weight == 0 for peer, weight in weights.items() if scores[peer] <= 0)
    kept = 1 - burn if scheme == "templar" else 1
    assert sum(weights.values()) == pytest.approx(kept if any(s > 0 for s in scores.values()) else 0)
    order = sorted(scores, key=lambda peer: scores[peer])
    assert [weights[peer] for peer in order] == pytest.approx(sorted(weights.values()), abs=0.2)


@given(SCORES)
def test_only_the_order_matters_to_templar(scores):
    order = sorted(set(scores.values()))
    places = {peer: order.index(score) + 1.0 if score > 0 else score for peer, score in scores.items()}
    assert reward_weights(places) == reward_weights(scores)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({1: math.nan}, "neither", 7.0), "NaN"),
        (({1: 1.0}, "neither"), "unknown scheme"),
        (({1: 1.0}, "templar", 1.5), "burn"),
        (({1: 1.0}, "paper", math.nan), "burn"),
        (({1: math.inf}, "paper"), "infinite"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        reward_weights(*arguments)


@given(st.lists(st.floats(0.1, 50), min_size=2, max_size=12), st.integers(1, 12), st.data())
def test_dividing_a_score_loses_under_squares(values, names, data):
    """n scores of s / n are paid n (s / n)^2 = s^2 / n of the squares."""
    scores = dict(enumerate(values))
    owner = data.draw(st.sampled_from(sorted(scores)))
    rest = sum(score**2 for peer, score in scores.items() if peer != owner)
    own = scores[owner] ** 2 / names
    assert owners_share(scores, owner, names, "paper") == pytest.approx(own / (own + rest))


def test_each_further_name_is_paid_for_its_rank():
    scores = {0: 12.0, 1: 11.0, 2: 10.0, 3: 9.0, 4: 8.0, 5: 7.0}
    found = [owners_share(scores, 2, names, "templar") for names in (1, 2, 4, 8)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(1.6 / 9)  # the third of six places from 2 down to 1
    assert found[1] == pytest.approx((1 + 1 / 6 + 1) / 10.5)  # the last two of seven


def test_an_owner_without_merit_is_paid_nothing_whatever_it_calls_itself():
    for scheme in ("paper", "templar"):
        assert owners_share({0: -1.0, 1: 3.0}, 0, 4, scheme) == 0.0
        assert owners_share({0: -1.0, 1: 0.0}, 0, 4, scheme) == 0.0


def test_an_owner_has_a_name():
    with pytest.raises(ValueError, match="0 names"):
        owners_share({0: 1.0}, 0, 0)
