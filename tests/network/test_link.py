"""The closed form: what a round takes on a link, the published points, and what it refuses."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.network import Link, round_times
from locolab.network.link import all_reduce_seconds, break_even_mbps

PAPER = Link(up_mbps=110, down_mbps=500)  # arXiv 2603.08163, section 4.3
PAYLOAD = 1_991_406_148  # bytes of a 72B payload in the paper's format, as chapter 04 counts them
rates = st.floats(1, 1e5)
sizes = st.integers(0, 10**12)


def test_the_contract_by_hand():
    times = round_times(1_990_000_000, 20, Link(up_mbps=110, down_mbps=500, rtt_ms=50), 1200)
    assert times.upload == pytest.approx(8 * 1_990_000_000 / 110e6 + 0.05)
    assert times.download == pytest.approx(8 * 20 * 1_990_000_000 / 500e6 + 0.05)
    assert times.communication == pytest.approx(times.upload + times.download)
    assert times.utilisation == pytest.approx(1200 / (1200 + times.communication))


@pytest.mark.parametrize(
    ("contributors", "lanes", "overlap", "seconds"),
    [(20, 1, "none", 782), (16.9, 1, "upload", 538), (20, 8, "none", 97.8), (16.9, 8, "upload", 67.3)],
)
def test_readings_of_seventy_seconds(contributors, lanes, overlap, seconds):
    times = round_times(PAYLOAD, contributors, PAPER, 1200, lanes, overlap)
    assert times.communication == pytest.approx(seconds, rel=2e-3)


def test_a_hidden_upload_shows_what_is_longer_than_computing():
    link = Link(up_mbps=8, down_mbps=80)
    assert round_times(1_000_000, 5, link, 10, overlap="upload").communication == pytest.approx(0.5)
    assert round_times(1_000_000, 5, link, 0.4, overlap="upload").communication == pytest.approx(1.1)


def test_goodput_is_a_share_of_both_rates():
    whole, part = Link(8, 40), Link(8, 40, goodput=0.5)
    assert part.upload_seconds(1_000_000) == 2 * whole.upload_seconds(1_000_000)
    assert part.download_seconds(1_000_000) == 2 * whole.download_seconds(1_000_000)


@given(sizes, st.floats(0, 100), rates, rates, st.floats(0, 1000), st.floats(0.001, 1e5), st.integers(1, 64))
def test_hiding_more_lanes_and_less_payload_never_take_longer(size, peers, up, down, rtt, compute, lanes):
    link = Link(up, down, rtt)
    times = round_times(size, peers, link, compute, lanes)
    assert 0 <= times.utilisation <= 1
    assert times.utilisation * (compute + times.communication) == pytest.approx(compute)
    hidden = round_times(size, peers, link, compute, lanes, "upload")
    assert times.download <= hidden.communication <= times.communication
    assert round_times(size, peers, link, compute, lanes + 1).communication <= times.communication
    assert round_times(size / 2, peers, link, compute, lanes).communication <= times.communication


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "many", None, 10**400])
@pytest.mark.parametrize("name", ["payload_bytes", "contributors", "compute_seconds", "lanes"])
def test_what_is_no_number_in_its_range_is_refused(name, value):
    given_ = {"payload_bytes": 1, "contributors": 1, "compute_seconds": 1, "lanes": 1, name: value}
    with pytest.raises(ValueError, match=name):
        round_times(link=PAPER, **given_)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "fast"])
@pytest.mark.parametrize("name", ["up_mbps", "down_mbps"])
def test_a_link_has_a_rate(name, value):
    with pytest.raises(ValueError, match=name):
        Link(**{name: value})


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"rtt_ms": -1}, "rtt_ms"), ({"rtt_ms": math.nan}, "rtt_ms"), ({"goodput": 1.1}, "at most 1")],
)
def test_delay_and_goodput_have_a_range(fields, words):
    with pytest.raises(ValueError, match=words):
        Link(**fields)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lanes": 0}, "lanes"),
        ({"lanes": 1.5}, "whole number"),
        ({"overlap": "download"}, "'none', 'upload'"),
        ({"overlap": None}, "overlap"),
        ({"link": (110, 500)}, "Link"),
        ({"compute_seconds": 0, "payload_bytes": 0}, "no time"),
    ],
)
def test_a_round_that_makes_no_sense_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        round_times(**{"payload_bytes": 1, "contributors": 1, "link": PAPER, "compute_seconds": 1, **changes})


def test_an_all_reduce_waits_for_the_slower_direction_and_for_every_step():
    assert all_reduce_seconds(1e6, 1, PAPER) == 0
    assert all_reduce_seconds(1e6, 5, Link(8, 40)) == all_reduce_seconds(1e6, 5, Link(40, 8))
    delay = all_reduce_seconds(1e6, 5, Link(8, 40, rtt_ms=10)) - all_reduce_seconds(1e6, 5, Link(8, 40))
    assert delay == pytest.approx(8 * 0.005)


@given(st.floats(1e3, 1e12), st.floats(1, 50), st.floats(1, 1e5), st.floats(0.05, 0.99), st.floats(0.01, 1))
def test_at_the_break_even_rate_utilisation_is_the_one_asked_for(size, peers, compute, share, ratio):
    down = break_even_mbps(size, size * peers, compute, share, ratio)
    times = round_times(size, peers, Link(down * ratio, down), compute)
    assert times.utilisation == pytest.approx(share, rel=1e-6)


def test_full_utilisation_needs_no_finite_rate():
    with pytest.raises(ValueError, match="below 1"):
        break_even_mbps(1, 1, 1, 1.0, 1)
