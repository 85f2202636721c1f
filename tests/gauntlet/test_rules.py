"""Rules as values: what each set charges for an event, final scores, seats; figures of the public code."""

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.config import ConfigError
from locolab.gauntlet import (
    MENDED,
    PAPER,
    RULES,
    TEMPLAR,
    Gains,
    GauntletSpec,
    Rules,
    Slash,
    Standing,
    final_score,
)
from locolab.gauntlet.scores import has_worked, slashed, typical_work
from locolab.gauntlet.selection import gain_shares, seated, spoils

GOOD = Standing(work=0.8, score=8.0, rated=40)


@pytest.mark.parametrize(
    ("event", "number", "after"),
    [
        ("present", 0.0, Standing(work=0.6, score=6.0, rated=40)),
        ("window", 99.0, Standing(work=0.6, score=6.0, rated=40)),
        ("window", float("nan"), Standing(work=0.6, score=6.0, rated=40)),
        ("outage", 0.0, Standing(work=0.0, score=0.0, rated=40)),
        ("content", 0.0, Standing(work=0.8, score=0.0, rated=40)),
        ("sync", float("inf"), Standing(work=0.6, score=6.0, rated=40)),
        ("copy", 0.499, Standing(work=0.4, score=4.0, rated=40)),
        ("copy", 0.5, Standing()),
        ("copy", 0.599, Standing()),
        ("copy", 0.6, Standing(banned=200)),
        ("inactive", 2, GOOD),
        ("inactive", 3, Standing(work=0.8, score=6.0, rated=40)),
        ("inactive", 7, Standing()),
        ("norm", 1000.0, GOOD),  # no such check there
    ],
)
def test_what_the_public_code_charges(event, number, after):
    found = slashed(GOOD, TEMPLAR.cost(event, number))
    assert astuple(found) == pytest.approx(astuple(after))


def test_the_paper_states_no_charge_and_the_mended_rules_forget_nothing():
    assert PAPER.slashes == ()
    assert not any(slash.reset or slash.ban for slash in MENDED.slashes)


def test_only_positive_scores_are_cut():
    below = Standing(work=0.3, score=-2.0, rated=40)
    assert slashed(below, Slash("present", score=0.75, work=0.75)) == below
    assert slashed(Standing(score=1.2e-4, work=1.0), Slash("present", score=0.75)).score == 0.0


def test_names_and_unknown_events():
    assert list(RULES) == ["paper", "templar", "mended"]
    with pytest.raises(ConfigError, match=r"Slash\.event"):
        Slash("rudeness")


def test_final_scores():
    assert final_score(12.0, GOOD, 0.5, TEMPLAR) == pytest.approx(12 * 0.8 * 0.5)
    assert final_score(12.0, GOOD, 0.5, PAPER) == pytest.approx(12 * 0.8)
    for rules in RULES.values():  # two negatives are no merit
        assert final_score(-12.0, Standing(work=-0.5, rated=40), 1.0, rules) == 0.0
    assert final_score(12.0, Standing(work=0.05, rated=40), 1.0, MENDED) == 0.0
    assert final_score(12.0, Standing(work=0.05, rated=3), 1.0, MENDED) > 0.0


def test_who_has_worked():
    assert has_worked(Standing(work=-1.0, rated=10**6), TEMPLAR)
    assert has_worked(Standing(work=-0.2, rated=14), MENDED)
    assert not has_worked(Standing(work=0.1, rated=15), MENDED)
    assert has_worked(Standing(work=0.1, rated=15), MENDED, typical=0.49), "nobody shows that it works"
    assert not has_worked(Standing(work=0.1, rated=15), MENDED, typical=0.5)


def test_typical_work_is_that_of_settled_peers_who_take_part():
    assert typical_work([], MENDED) == -1.0
    peers = [Standing(work=w, rated=20) for w in (0.9, 0.6, 0.1, 0.8)]
    assert typical_work(peers, MENDED) == 0.6
    away = [Standing(work=-1.0, rated=20, absent=1), Standing(work=-1.0, rated=14)]
    assert typical_work(peers + away, MENDED) == 0.6


SCORES = st.dictionaries(st.integers(0, 60), st.floats(-5, 5), max_size=40)


@given(SCORES, st.data())
def test_seats(scores, data):
    valid = data.draw(st.sets(st.sampled_from(sorted(scores)))) if scores else set()
    rules = Rules(seats=5, reserves=3)
    chosen, rest = seated(scores, valid, rules)
    assert sorted(chosen + rest) == sorted(valid)
    assert len(chosen) <= 5
    ranked = sorted(scores, key=lambda peer: (-scores[peer], peer))
    assert chosen == [peer for peer in ranked[:8] if peer in valid][:5]


def test_nobody_needs_a_positive_score_for_an_empty_seat():
    assert seated({1: -3.0, 2: 0.0}, [1, 2], TEMPLAR) == ([2, 1], [])


def test_shares_of_the_median_gain():
    gains = {1: Gains(0.4, 0), 2: Gains(0.5, 0), 3: Gains(0.09, 0), 4: Gains(-0.2, 0)}
    assert gain_shares(gains) == {1: 1.0, 2: 1.0, 3: 1.0, 4: -1.0}  # the lower median is 0.09
    assert gain_shares({**gains, 5: Gains(0.6, 0)})[3] == pytest.approx(0.225)
    assert gain_shares({}) == gain_shares({1: Gains(-1.0, 0), 2: Gains(-3.0, 0)}) == {}


@given(st.dictionaries(st.integers(0, 9), st.floats(0.01, 1), min_size=3), st.floats(-1, 1))
def test_one_peer_spoils_nobodys_share(gains, hostile):
    """Equal honest gains: whatever one more peer shows, each of theirs is the median."""
    alike = dict.fromkeys(gains, Gains(0.5, 0.0))
    found = gain_shares({**alike, 99: Gains(hostile, 0.0)})
    assert all(found[peer] == 1.0 for peer in gains)


def test_settings_have_a_name_and_are_checked():
    assert GauntletSpec().hash() == GauntletSpec().hash()
    assert GauntletSpec().hash() != GauntletSpec(rules=TEMPLAR).hash()
    assert GauntletSpec(sample=4).build().settings.sample == 4
    for bad in (
        {"sequences": 0},
        {"source": "both"},
        {"step": 0.0},
        {"memory": 2.0},
        {"tau": -1.0},
        {"seed": -1},
    ):
        with pytest.raises(ConfigError, match=f"GauntletSpec.{next(iter(bad))}"):
            GauntletSpec(**bad)


@pytest.mark.parametrize(
    ("share", "average", "out"),
    [(1.0, 1.0, False), (-0.2, 0.2, False), (0.3, 0.04, True), (-0.3, 1.0, True), (-1.0, -1.0, True)],
)
def test_gains_that_keep_out(share, average, out):
    assert spoils(share, average, MENDED) == out
    assert not spoils(share, average, TEMPLAR)
    assert not spoils(share, average, PAPER)
