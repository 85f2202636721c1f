"""Interval arithmetic: it holds every result, ends are the smallest possible, errors say what was given."""

import math
import operator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from locolab.economy.intervals import Bounds, bounds, gap

NUMBERS = st.floats(-1e9, 1e9)
OPERATIONS = (operator.add, operator.sub, operator.mul, operator.truediv)


@st.composite
def interval_with_member(draw):
    """Return an interval and a value inside it."""
    low, value, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    return Bounds(low, high), value


@given(interval_with_member(), interval_with_member(), st.sampled_from(OPERATIONS))
def test_a_result_of_members_is_a_member_of_the_result(one, other, operation):
    (a, x), (b, y) = one, other
    assume(operation is not operator.truediv or 0 not in b)
    assert operation(x, y) in operation(a, b)


@given(interval_with_member(), interval_with_member(), st.sampled_from(OPERATIONS[:3]))
def test_the_ends_of_a_result_are_results_of_ends(one, other, operation):
    (a, _), (b, _) = one, other
    ends = {operation(x, y) for x in (a.low, a.high) for y in (b.low, b.high)}
    result = operation(a, b)
    assert {result.low, result.high} <= ends


@given(interval_with_member(), NUMBERS, st.sampled_from(OPERATIONS))
def test_a_plain_number_is_an_interval_of_one_value(member, number, operation):
    a, _ = member
    if operation is not operator.truediv or number != 0:
        assert operation(a, number) == operation(a, bounds(number))
    if operation is not operator.truediv or 0 not in a:
        assert operation(number, a) == operation(bounds(number), a)


@pytest.mark.parametrize(
    ("result", "low", "high"),
    [
        (100 / Bounds(146, math.inf), 0, 100 / 146),
        (Bounds(146, math.inf) * 2, 292, math.inf),
        (Bounds(0, 1) * Bounds(1, math.inf), 0, math.inf),
        (Bounds(-math.inf, 1) + 1, -math.inf, 2),
        (Bounds(1, math.inf) / Bounds(1, math.inf), 0, math.inf),
        (Bounds(-2, 3) * Bounds(-5, 1), -15, 10),
        (1 / Bounds(-4, -2), -0.5, -0.25),
    ],
)
def test_open_sides_and_signs(result, low, high):
    assert result == Bounds(low, high)


@pytest.mark.parametrize("ends", [(2, 1), (math.nan, 1), (1, math.nan)])
def test_what_is_no_interval_is_refused(ends):
    with pytest.raises(ValueError, match="is no interval: its low end comes first"):
        Bounds(*ends)


@pytest.mark.parametrize("divisor", [Bounds(-1, 1), Bounds(0, 1), 0])
def test_a_divisor_that_may_be_zero_is_refused(divisor):
    with pytest.raises(ZeroDivisionError, match="may be zero"):
        Bounds(1, 2) / divisor


def test_a_figure_named_twice_widens_the_result():
    x = Bounds(1.0, 2.0)
    assert x / (x + 1) != 1 / (1 + 1 / x) == Bounds(0.5, 2 / 3)


@given(st.floats(1e-3, 1e3), st.floats(1, 1e3), st.floats(1.01, 1e3))
def test_the_gap_is_the_least_factor_that_brings_two_intervals_together(low, width, factor):
    below = Bounds(low, low * width)
    above = Bounds(below.high * factor, below.high * factor * 2)
    assert gap(below, above) == gap(above, below) == pytest.approx(factor)
    assert gap(below * (gap(below, above) * (1 + 1e-9)), above) == 1


def test_a_gap_across_zero_is_refused():
    assert gap(Bounds(-2, 1), Bounds(1, 3)) == 1
    with pytest.raises(ValueError, match="no factor leads from"):
        gap(Bounds(-2, -1), Bounds(1, 3))
