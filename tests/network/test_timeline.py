"""The simulated round: it agrees with the closed form, fills everybody's time, and knows deadlines."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.network import Link, round_times
from locolab.network.timeline import Participant, simulate_round

links = st.builds(Link, st.floats(1, 1e4), st.floats(1, 1e4), st.floats(0, 500))
peers = st.builds(
    Participant,
    links,
    st.integers(0, 10**9),
    compute=st.floats(0.1, 1000),
    compress=st.floats(0, 10),
    aggregate=st.floats(0, 10),
    outer=st.floats(0, 10),
    lanes=st.integers(1, 8),
)
overlaps = st.sampled_from(["none", "upload"])


@given(st.integers(1, 20), links, st.integers(0, 10**9), st.floats(0.1, 1000), st.integers(1, 8), overlaps)
def test_equal_peers_take_what_the_closed_form_says(n, link, size, compute, lanes, overlap):
    times = round_times(size, n, link, compute, lanes, overlap)
    for window in (None, compute):
        line = simulate_round(
            [Participant(link, size, compute, lanes=lanes)] * n, window=window, overlap=overlap
        )
        assert line.wall == pytest.approx(compute + times.communication)
        assert line.utilisation(n - 1) == pytest.approx(times.utilisation)
        assert line.arrived == tuple(range(n))


@given(st.lists(peers, min_size=1, max_size=6), overlaps, st.data())
def test_everybodys_time_is_filled_once_and_nothing_is_fetched_before_it_is_there(group, overlap, data):
    window = data.draw(st.none() | st.floats(0.1, 500))
    limit = None if window is None else data.draw(st.none() | st.floats(0.1, 500))
    chosen = data.draw(st.none() | st.sets(st.integers(0, len(group) - 1)))
    line = simulate_round(group, window=window, upload_window=limit, selected=chosen, overlap=overlap)
    ends = [max((s.end for s in line.of(i) if s.phase == "upload"), default=0.0) for i in range(len(group))]
    fetched = [ends[i] for i in line.arrived if chosen is None or i in chosen]
    for index, peer in enumerate(group):
        own = [s for s in line.of(index) if overlap == "none" or s.phase != "upload"]
        assert own[0].start == 0
        assert own[-1].end == line.wall
        assert all(a.end == b.start for a, b in itertools.pairwise(own))
        assert line.seconds(index, "compute") == pytest.approx(min(peer.compute, window or math.inf))
        downloads = [s for s in own if s.phase == "download"]
        if downloads and fetched:
            assert downloads[0].start >= min(fetched)
            assert downloads[-1].end >= max(fetched)


def test_a_slow_peer_is_waited_for_without_a_deadline_and_left_out_with_one():
    fast = Participant(Link(80, 800), 10_000_000, compute=10)
    slow = Participant(Link(1, 800), 10_000_000, compute=10)  # 80 s to upload
    waited = simulate_round([fast, fast, slow], window=10)
    assert waited.arrived == (0, 1, 2)
    assert waited.wall == pytest.approx(10 + 80 + 0.3)
    limited = simulate_round([fast, fast, slow], window=10, upload_window=20)
    assert limited.arrived == (0, 1)
    assert limited.of(0)[-1].phase == "wait"
    assert limited.seconds(0, "download") == pytest.approx(0.2)


def test_those_who_are_selected_decide_what_is_waited_for():
    fast = Participant(Link(80, 800), 10_000_000, compute=10)
    slow = Participant(Link(1, 800), 10_000_000, compute=10)
    line = simulate_round([fast, fast, slow], window=10, upload_window=20, selected=[0, 1])
    done = max(span.end for span in line.of(0) if span.phase == "download")
    assert done == pytest.approx(10 + 1 + 0.2)  # nobody waits for the deadline
    missing = simulate_round([fast, fast, slow], window=10, upload_window=20, selected=[0, 2])
    first = next(span for span in missing.of(1) if span.phase == "wait")
    assert (first.start, first.end) == (pytest.approx(11.1), 30)


def test_computing_stops_at_the_window_and_a_payload_waits_for_its_end():
    link = Link(80, 800)
    line = simulate_round(
        [Participant(link, 10_000_000, compute=5), Participant(link, 10_000_000, compute=50)], window=10
    )
    assert [(s.phase, s.end) for s in line.of(0)][:3] == [("compute", 5), ("wait", 10), ("upload", 11)]
    assert line.seconds(1, "compute") == 10


def test_a_hidden_upload_runs_beside_computing():
    line = simulate_round([Participant(Link(8, 80), 1_000_000, compute=5)] * 2, overlap="upload")
    upload, compute = sorted(line.of(0)[:2], key=lambda span: span.end)
    assert (upload.phase, upload.start, upload.end) == ("upload", 0, 1)
    assert (compute.phase, compute.start, compute.end) == ("compute", 0, 5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peers": []}, "0 peers"),
        ({"selected": [1]}, r"\[1\], there are 1"),
        ({"overlap": "all"}, "overlap"),
        ({"window": 0}, "window"),
        ({"upload_window": 5}, "give a window too"),
        ({"window": 5, "upload_window": math.nan}, "upload_window"),
    ],
)
def test_what_cannot_be_simulated_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        simulate_round(**{"peers": [Participant()], **changes})


@pytest.mark.parametrize(
    "changes", [{"compute": 0}, {"payload_bytes": -1}, {"compress": math.inf}, {"lanes": 0}, {"outer": "x"}]
)
def test_a_participant_has_sensible_numbers(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        Participant(**changes)
