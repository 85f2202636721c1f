"""Churn: the process has the means it states, and every schedule is one that a run can follow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.config import ConfigError
from locolab.gauntlet.churn import CAP, CONTRIBUTING, SUBMITTING, UNIQUE, Churn, seated
from locolab.gauntlet.first_come import FirstCome
from locolab.train import Roster, Swarm

ROUNDS = 72


def counted(churn, rounds, seeds):
    """Mean peers a round: live, submitting, usable, contributing; and different peers in all."""
    rows = []
    for seed in range(seeds):
        rosters = churn.rosters(rounds, seed)
        silent = [sum(share == 0 for share in roster.arriving.values()) for roster in rosters]
        live = np.array([len(roster.live) for roster in rosters])
        usable = live - [len(roster.arriving) for roster in rosters]
        unique = len({peer for roster in rosters for peer in roster.live})
        means = (live.mean(), (live - silent).mean(), usable.mean(), np.minimum(usable, churn.cap).mean())
        rows.append((*means, unique))
    return np.array(rows)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_the_process_has_the_means_of_the_run(scale):
    churn = Churn.of_the_run(ROUNDS, scale)
    expected = churn.expected(ROUNDS)
    assert expected.submitting == pytest.approx(SUBMITTING * scale)
    assert expected.contributing == pytest.approx(CONTRIBUTING * scale)
    assert expected.unique == pytest.approx(UNIQUE * scale)
    rows = counted(churn, ROUNDS, seeds=60)
    stated = (expected.live, expected.submitting, expected.usable, expected.contributing)
    for column, mean in enumerate(stated):
        error = rows[:, column].std(ddof=1) / np.sqrt(len(rows))
        assert abs(rows[:, column].mean() - mean) < 4 * error
    assert 0.95 * expected.unique < rows[:, 4].mean() < 1.15 * expected.unique


def test_the_whole_run_had_a_cap_of_twenty_and_seventy_peers():
    churn = Churn.of_the_run(ROUNDS)
    assert churn.cap == CAP == 20
    assert 0.2 < churn.cut < 0.35
    assert churn.live > SUBMITTING


def test_mean_seats_are_those_of_drawn_poisson_numbers():
    drawn = np.random.default_rng(0).poisson(17.7, 200_000)
    assert seated(17.7, 20) == pytest.approx(np.minimum(drawn, 20).mean(), abs=0.02)
    assert seated(0.5, 1) == pytest.approx(1 - np.exp(-0.5))


@settings(max_examples=40, deadline=None)
@given(
    submitting=st.floats(0.5, 12.0),
    share=st.floats(0.05, 0.9),
    cap=st.integers(1, 8),
    stay=st.floats(1.0, 20.0),
    returning=st.floats(0.0, 0.9),
    keeping=st.floats(0.0, 0.9),
    crash=st.floats(0.0, 0.5),
    seed=st.integers(0, 5),
)
def test_any_schedule_can_be_followed(submitting, share, cap, stay, returning, keeping, crash, seed):
    sound = submitting * (1 - crash) / (1 - crash / 2)
    contributing = share * seated(sound, cap)
    churn = Churn(cap, contributing, submitting, stay, returning, keeping, crash, seed)
    rosters = churn.rosters(12, seed)
    assert len(rosters) == 12  # each was checked at its construction
    assert rosters == churn.rosters(12, seed)
    assert churn.expected(12).contributing == pytest.approx(contributing, abs=1e-6)
    seen = set()
    for before, roster in zip([None, *rosters], rosters, strict=False):
        new = sorted(set(roster.live) - seen)
        assert new == list(range(len(seen), len(seen) + len(new)))  # names without gaps
        seen |= set(roster.live)
        assert set(roster.away) <= seen
        assert before is None or set(before.away) <= {*roster.away, *roster.live}  # kept until the return


def test_schedules_differ_by_seed_and_by_the_runs_seed():
    churn = Churn.of_the_run(20, 0.25)
    assert churn.rosters(20, 0) != churn.rosters(20, 1) != churn.replace(seed=1).rosters(20, 1)
    assert churn.rosters(5, 0) == churn.rosters(20, 0)[:5]


def test_first_come_first_seated(spec, text):
    swarm = Swarm(spec, text, validator=FirstCome(seats=4).build())
    times = {peer.index: peer.uploads_after(0) for peer in swarm.peers}
    record = swarm.round()
    assert record.submitted == list(range(6))
    assert record.selected == sorted(sorted(times, key=times.get)[:4])
    assert set(record.refused.values()) == {"in reserve: the seats were taken"}


def test_a_cut_upload_leaves_its_seat_to_the_next(spec, text):
    class Cut:
        def rosters(self, rounds, seed):
            return [Roster((0, 1, 2, 3), arriving={0: 0.5, 1: 0.0})]

    swarm = Swarm(spec, text, validator=FirstCome(seats=2).build(), churn=Cut())
    record = swarm.round()
    assert record.submitted == [0, 2, 3]
    assert record.selected == [2, 3]
    assert record.refused[0].startswith("payload refused")
    assert record.refused[1] == "nothing submitted"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Churn(crash=1.0), "crash"),
        (lambda: Churn(cap=0), "cap"),
        (lambda: Churn(stay=0.5), "stay"),
        (lambda: Churn(contributing=0.0), "seats"),
        (lambda: Churn(contributing=20.0), "seats"),
        (lambda: Churn.of_the_run(1), "2 rounds"),
        (lambda: Churn.of_the_run(10, scale=0.05), "seats"),
    ],
)
def test_impossible_schedules_are_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
