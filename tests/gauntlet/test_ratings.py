"""Ratings against the published update rule, and what the library's ties and zeros do at 6.2.0."""

import math
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.gauntlet import Ratings

SCORES = st.dictionaries(st.integers(0, 50), st.floats(-5, 5), min_size=2, max_size=8)


def by_hand(order, beta=7.0, tau=0.1):
    """Return (mu, sigma) of peers that were new before one match, best first: Weng and Lin's algorithm 4."""
    n, mu, variance = len(order), 25.0, (25 / 3) ** 2 + tau**2
    c = math.sqrt(n * (variance + beta**2))
    rated = {}
    for i, peer in enumerate(order):
        shares = [1 / (n - q) for q in range(i + 1)]  # equal strengths: p_iq = 1 / how many are left
        omega = variance / c * ((1 - shares[i]) - sum(shares[:i]))
        delta = variance / c**2 * math.sqrt(variance) / c * sum(p * (1 - p) for p in shares)
        rated[peer] = (mu + omega, math.sqrt(variance * max(1 - delta, 1e-4)))
    return rated


def test_the_library_is_the_one_whose_ties_are_described():
    assert version("openskill") == "6.2.0"


def test_one_match_by_hand():
    ratings = Ratings()
    ratings.update({4: 0.1, 2: 0.4, 9: -0.3, 7: 0.2})
    for peer, expected in by_hand([2, 7, 4, 9]).items():
        assert ratings.state()[peer] == pytest.approx(expected, rel=1e-9)


def test_two_who_tie_as_equals_keep_their_mean():
    ratings = Ratings()
    ratings.update({1: 0.5, 2: 0.5})
    assert ratings.state()[1] == ratings.state()[2]
    assert ratings.state()[1][0] == 25.0
    assert ratings.ordinal(1) > 0.0  # both are known better now


def test_a_zero_is_a_score_like_any_other():
    zero, small = Ratings(), Ratings()
    zero.update({1: 0.3, 2: 0.2, 3: 0.0, 4: -0.1})
    small.update({1: 0.3, 2: 0.2, 3: 0.05, 4: -0.1})
    assert zero.state() == small.state()
    assert zero.ordinal(3) > zero.ordinal(4)


def test_who_ties_gets_the_same():
    ratings = Ratings()
    ratings.update({1: 1.0, 2: 0.0, 3: -0.0, 4: -1.0})
    assert ratings.state()[2] == ratings.state()[3]
    assert ratings.ordinal(1) > ratings.ordinal(2) > ratings.ordinal(4)
    mean = sum(mu for mu, _ in ratings.state().values()) / 4
    assert mean == pytest.approx(25.0)


@pytest.mark.parametrize("scores", [{}, {3: 1.0}])
def test_fewer_than_two_change_nothing(scores):
    ratings = Ratings()
    assert ratings.update(scores) is None
    assert ratings.state() == {}
    assert ratings.ordinal(3) == 0.0


def test_nan_is_refused_before_anything_changes():
    ratings = Ratings()
    ratings.update({1: 1.0, 2: 0.0})
    before = ratings.state()
    for scores in ({1: 0.0, 2: math.nan}, {5: math.nan}):
        with pytest.raises(ValueError, match="NaN"):
            ratings.update(scores)
    assert ratings.state() == before


def test_infinite_scores_are_only_the_first_and_the_last():
    ratings, finite = Ratings(), Ratings()
    ratings.update({1: math.inf, 2: 0.0, 3: -math.inf})
    finite.update({1: 3.0, 2: 2.0, 3: 1.0})
    assert ratings.state() == finite.state()


@given(SCORES)
def test_only_the_order_matters(scores):
    order = sorted(set(scores.values()))
    a, b, c = Ratings(), Ratings(), Ratings()
    a.update(scores)
    b.update({peer: 10.0 * order.index(score) for peer, score in scores.items()})
    c.update(dict(reversed(scores.items())))
    assert a.state() == b.state() == c.state()


@given(st.lists(SCORES, max_size=5))
def test_saved_ratings_go_on_as_if_nothing_happened(matches):
    straight, restored = Ratings(), Ratings()
    for scores in matches:
        straight.update(scores)
        again = Ratings()
        again.load_state(restored.state())
        again.update(scores)
        restored = again
    assert restored.state() == straight.state()


def test_a_forgotten_peer_begins_again():
    ratings = Ratings()
    ratings.update({1: 1.0, 2: 0.0})
    ratings.forget(1)
    ratings.forget(77)
    assert ratings.ordinal(1) == 0.0
    assert ratings.ordinal(2) < 0.0
