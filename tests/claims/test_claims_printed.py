"""How printed figures are read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.report.printed import Bounds, printed


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("19.6%", 19.55, 19.65),
        ("19.60%", 19.595, 19.605),
        ("~20x", 19.5, 20.5),
        ("about 20", 19.5, 20.5),
        ("nearly 19.6%", 19.5, 19.65),
        ("nearly $1.94 billion", 1.93e9, 1.945e9),
        ("over 146x", 146, math.inf),
        ("more than 440%", 440, math.inf),
        ("less than 1MB", -math.inf, 1),
        ("15-25x", 14.5, 25.5),
        ("68% - 75%", 67.5, 75.5),
        ("22-40:1", 21.5, 40.5),
        ("1.6 to 3.5", 1.55, 3.55),
        ("$3 million to $15 million", 2.5e6, 15.5e6),
        ("$3-15M", 2.5e6, 15.5e6),
        ("~7.34M", 7.335e6, 7.345e6),
        ("14,500", 14499.5, 14500.5),
        ("+444%", 443.5, 444.5),
        ("100MB", 99.5, 100.5),
        ("110 Mbps", 109.5, 110.5),
        ("1.1 trillion", 1.05e12, 1.15e12),
        ("Dozens", 24, math.inf),
        ("hundreds of millions", 2e8, math.inf),
    ],
)
def test_a_figure_stands_for_what_would_be_printed_like_it(text, low, high):
    assert printed(text) == Bounds(low, high)


def test_no_figure_is_an_error_that_shows_how_to_write_one():
    with pytest.raises(ValueError, match=r"no figure in 'many'; write it as printed, like '19.6%'"):
        printed("many")


@given(st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False))
def test_a_plain_figure_lies_in_its_own_interval_of_one_printed_unit(value):
    bounds = printed(f"{value}")
    assert float(value) in bounds
    assert bounds.high - bounds.low == pytest.approx(0.01, rel=1e-3)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_intervals_overlap_exactly_when_a_value_lies_in_both(low, width):
    bounds = Bounds(0.0, 1.0)
    assert bounds.overlaps(low, low + width) == (max(0.0, low) <= min(1.0, low + width))
