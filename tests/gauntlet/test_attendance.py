"""Attendance: every live peer has one state a round, seats are kept to, the run's means come out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from locolab.gauntlet.attendance import STATES, attendance, attendance_means
from locolab.gauntlet.churn import CONTRIBUTING, SUBMITTING, UNIQUE, Churn


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), rounds=st.integers(2, 30), scale=st.sampled_from([0.25, 0.4, 1.0]))
def test_every_live_peer_has_one_state_and_nobody_more_than_a_seat(seed, rounds, scale):
    churn = Churn.of_the_run(rounds, scale)
    rosters = churn.rosters(rounds, seed)
    rows = attendance(rosters, churn.cap, seed)
    assert rows == attendance(rosters, churn.cap, seed)
    for number, roster in enumerate(rosters):
        states = {row["peer"]: row["state"] for row in rows if row["round"] == number}
        assert tuple(states) == roster.live
        assert set(states.values()) <= set(STATES)
        count = {state: list(states.values()).count(state) for state in STATES}
        assert count["contributing"] == min(churn.cap, len(states) - count["cut"] - count["silent"])
        assert count["reserve"] == 0 or count["contributing"] == churn.cap
        assert {peer for peer, share in roster.arriving.items() if not share} == {
            peer for peer, state in states.items() if state == "silent"
        }


@pytest.mark.parametrize(
    ("column", "mean"), [("submitting", SUBMITTING), ("contributing", CONTRIBUTING), ("unique", UNIQUE)]
)
def test_the_means_of_the_run_lie_in_the_interval_over_seeds(column, mean):
    rows = attendance_means(Churn.of_the_run(72), 72, range(100))
    values = [row[column] for row in rows]
    low, high = stats.t.interval(
        0.999, len(values) - 1, loc=sum(values) / len(values), scale=stats.sem(values)
    )
    assert low < mean < high
