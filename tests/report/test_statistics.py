"""Intervals against values computed by hand, and the words of a comparison at their borders."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.report.statistics import bootstrap_interval, compare, mean_interval, paired_interval

T_975_2 = 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025))  # Student t, 2 degrees of freedom, closed form (4.3027)
T_975_4 = 2.7764451051977987  # 4 degrees of freedom (2.776)


def test_mean_interval_by_hand():
    found = mean_interval([1.0, 2.0, 3.0])  # sd 1, n 3
    half = T_975_2 / math.sqrt(3)
    assert (found.mean, found.n) == (2.0, 3)
    assert found.low == pytest.approx(2 - half, abs=1e-12)
    assert found.high == pytest.approx(2 + half, abs=1e-12)


def test_paired_interval_by_hand():
    a, b = [2.1, 2.3, 2.2, 2.5, 2.4], [2.0, 2.1, 2.2, 2.1, 2.1]
    # differences .1 .2 0 .4 .3: mean .2, sd sqrt(.025), standard error sqrt(.005)
    found = paired_interval(a, b)
    half = T_975_4 * math.sqrt(0.005)
    assert found.mean == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - half)
    assert found.high == pytest.approx(0.2 + half)


def test_equal_values_give_an_interval_without_width():
    found = mean_interval([0.1, 0.1, 0.1])
    assert (found.low, found.high) == pytest.approx((0.1, 0.1), abs=1e-15)
    assert bootstrap_interval([2.0, 2.0, 2.0]).low == 2.0


@pytest.mark.parametrize(
    ("a", "b", "margin", "lower", "word"),
    [
        ([1.0, 1.1, 1.2], [2.0, 2.1, 2.3], 0.1, True, "beats"),
        ([1.0, 1.1, 1.2], [2.0, 2.1, 2.3], 0.1, False, "trails"),
        ([2.0, 2.1, 2.3], [1.0, 1.1, 1.2], 0.1, True, "trails"),
        ([1.0, 2.0, 3.0], [1.01, 1.99, 3.0], 0.1, True, "matches"),
        ([1.0, 2.0, 3.0], [2.0, 1.0, 3.5], 0.1, True, "inconclusive"),
        # surely better, but by less than what was declared negligible
        ([1.00, 2.00, 3.00], [1.01, 2.01, 3.0101], 0.1, True, "matches"),
    ],
)
def test_words(a, b, margin, lower, word):
    assert compare(a, b, margin, lower_is_better=lower).word == word


def test_the_three_conditions_stay_visible_beside_the_word():
    found = compare([1.00, 2.00, 3.00], [1.01, 2.01, 3.0101], 0.1)
    assert found.matches
    assert found.beats
    assert not found.trails
    assert found.worst < 0 < found.best


def test_the_margin_is_exclusive_at_its_border():
    a, b = [1.5, 2.5, 3.5], [1.0, 2.0, 3.0]  # every difference is exactly 0.5
    assert compare(a, b, margin=0.5).word == "trails"
    assert compare(a, b, margin=0.5000001).word == "matches"


def test_default_margin_is_one_sample_sd_of_the_baseline():
    assert compare([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).margin == pytest.approx(1.0)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=8), st.floats(0, 1))
def test_swapping_arms_mirrors_the_words(x, margin):
    a = np.array(x)
    b = a[::-1] + 0.3
    mirror = {"beats": "trails", "trails": "beats", "matches": "matches", "inconclusive": "inconclusive"}
    there, back = compare(a, b, margin), compare(b, a, margin)
    assert back.word == mirror[there.word]


def test_bootstrap_is_seeded_and_near_the_normal_interval():
    x = np.random.default_rng(3).normal(5, 2, 400)
    found = bootstrap_interval(x, n_resamples=2000)
    assert found == bootstrap_interval(x, n_resamples=2000)
    assert found.low == pytest.approx(x.mean() - 1.96 * 2 / 20, abs=0.06)
    assert found.high == pytest.approx(x.mean() + 1.96 * 2 / 20, abs=0.06)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([1.0]), "at least two values"),
        (lambda: mean_interval([]), "at least two values"),
        (lambda: mean_interval([1.0, float("nan")]), "not finite at index 1"),
        (lambda: paired_interval([1.0, 2.0], [1.0]), "2 values and 1 values"),
        (lambda: bootstrap_interval([1.0]), "at least two values"),
        (lambda: compare([1.0, 2.0], [1.0, 2.0], margin=-0.1), "margin"),
    ],
)
def test_refusals_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()
