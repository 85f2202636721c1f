"""The whole validator: rounds of mixed submissions, a restart, one update's damage, a swarm that trains."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from locolab.compress import aggregate
from locolab.compress.wire import reseal
from locolab.config import canonical_json
from locolab.gauntlet import MENDED, PAPER, TEMPLAR, Gauntlet, GauntletSpec
from locolab.gauntlet.bounds import largest_move, largest_share
from locolab.train.flat import flatten

SPEC = GauntletSpec(sequences=4)
KINDS = [
    "noise",
    "zeros",
    "scaled",
    "flipped",
    "cut",
    "damaged",
    "resealed",
    "copied",
    "junk",
    "absent",
    "poison",
]
SECONDS = st.one_of(st.floats(), st.just(10.0))
PROBES = st.one_of(st.none(), st.binary(max_size=1030), st.just(b"\xff" * 1024))


@pytest.fixture(scope="session")
def hostile(shaped, honest, spec, text):
    """Return a function: a kind of misbehaviour and a peer to what that peer sends."""
    from locolab.train import Swarm

    wire = Swarm(spec, text).wire
    dense = {peer: flatten(wire.unpack(payload).dense()).numpy() for peer, payload in honest.items()}
    size = len(dense[0])

    def go(kind, peer, seed):
        draw = np.random.default_rng(seed)
        own, damaged = honest[peer], bytearray(honest[peer])
        damaged[draw.integers(len(own))] ^= 1 << draw.integers(8)
        poison = np.zeros(size)
        poison[draw.integers(size)] = 1e29
        return {
            "noise": lambda: shaped(draw.standard_normal(size) * dense[peer].std())[0],
            "zeros": lambda: shaped(np.zeros(size))[0],
            "scaled": lambda: shaped(dense[peer] * 10.0 ** draw.integers(1, 25))[0],
            "flipped": lambda: shaped(-dense[peer])[0],
            "cut": lambda: own[: draw.integers(len(own))],
            "damaged": lambda: bytes(damaged),
            "resealed": lambda: reseal(bytes(damaged)),
            "copied": lambda: honest[(peer + 1) % len(honest)],
            "junk": lambda: draw.bytes(draw.integers(3000)),
            "absent": lambda: None,
            "poison": lambda: shaped(poison)[0],
        }[kind]()

    return go


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_minority_sends_honest_peers_are_selected(data, swarm, make_round, honest, hostile):
    """Nothing is raised, two of six decide about themselves alone, the same seed gives the same verdicts."""
    cheats = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=2, unique=True))
    kinds = {peer: data.draw(st.sampled_from(KINDS)) for peer in cheats}
    sent = honest | {peer: hostile(kind, peer, data.draw(st.integers(0, 99))) for peer, kind in kinds.items()}
    times = {peer: data.draw(SECONDS) for peer in cheats}
    for peer, kind in kinds.items():
        if kind == "copied" and not times[peer] > 10.0:
            times[peer] = 11.0  # nobody holds another's payload before it lies in the bucket
    probes = {peer: data.draw(PROBES) for peer in cheats if data.draw(st.booleans())}
    rules = data.draw(st.sampled_from([MENDED, PAPER, TEMPLAR]))
    verdicts = []
    for _ in range(2):
        gauntlet = Gauntlet(SPEC.replace(rules=rules))
        round = make_round(swarm, sent, times, probes)
        chosen = gauntlet.review(round)
        assert set(honest) - set(cheats) <= set(chosen)
        assert set(honest) - set(chosen) == set(round.refused)
        verdicts.append((chosen, canonical_json(gauntlet.last)))
    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("zeros", "every value is zero"),
        ("scaled", "times the median"),
        ("flipped", "of what others' do"),
        ("cut", "payload refused"),
        ("damaged", "payload refused"),
        ("copied", "positions are an earlier upload's"),
        ("junk", "payload refused"),
        ("absent", "nothing submitted"),
        ("poison", "times the median"),
        ("noise", "of what others' do"),
    ],
)
def test_the_reason_of_each_cheat(swarm, make_round, honest, hostile, kind, reason):
    round = make_round(swarm, honest | {2: hostile(kind, 2, 5)}, {2: 12.0})
    assert Gauntlet(SPEC).review(round) == [0, 1, 3, 4, 5]
    assert reason in round.refused[2]


def test_rows_are_tidy(swarm, make_round, honest):
    gauntlet = Gauntlet(SPEC)
    gauntlet.review(make_round(swarm, honest | {3: None}, {4: math.inf}))
    rows = json.loads(canonical_json(gauntlet.report))
    assert [row["peer"] for row in rows] == list(range(6))
    assert {key for row in rows for key in row} == set(rows[0])
    assert rows[3]["reason"] == "nothing submitted"
    assert rows[3]["own_gain"] is None
    assert rows[4]["window"] is None  # infinite
    assert [row["selected"] for row in rows] == [True, True, True, False, False, True]
    assert rows[0]["weight"] >= 0
    assert rows[0]["rated"] == 1


def test_a_restart_changes_no_verdict(swarm, make_round, honest, hostile):
    """Save and load after every round: same rows as a validator that never stopped."""
    straight, saved = Gauntlet(SPEC), Gauntlet(SPEC)
    for number in range(4):
        sent = dict(honest) if number % 2 else honest | {1: hostile("noise", 1, number), 4: None}
        for gauntlet in (straight, saved):
            gauntlet.review(make_round(swarm, sent, number=number))
        state = {name: tensor.clone() for name, tensor in saved.state().items()}
        assert all(isinstance(tensor, torch.Tensor) for tensor in state.values())
        saved = Gauntlet(SPEC)
        saved.load_state(state)
        rest = {"report": straight.last}
        swarm.theta.sub_(0.01)
    assert straight.state().keys() == saved.state().keys()
    assert all(torch.equal(a, saved.state()[name]) for name, a in straight.state().items() if name != "peers")
    assert torch.equal(straight.state()["peers"].nan_to_num(), saved.state()["peers"].nan_to_num())
    assert rest["report"][0]["copy"] == 1.0  # the same payload as in the round before


def test_the_validator_leaves_theta_alone(swarm, make_round, honest):
    before = swarm.theta.clone()
    round = make_round(swarm, honest)
    Gauntlet(SPEC).review(round)
    assert torch.equal(flatten(round.theta), before)
    assert torch.equal(swarm.theta, before)


def test_only_a_sample_is_scored(swarm, make_round, honest):
    gauntlet, scored = Gauntlet(SPEC.replace(sample=2)), set()
    for number in range(6):
        gauntlet.review(make_round(swarm, honest, number=number))
        gauntlet.memory.before = {}  # the payloads repeat in this test
        rated = [row["peer"] for row in gauntlet.last if row["own_gain"] is not None]
        assert len(rated) == 2
        scored |= set(rated)
    assert len(scored) > 2


def test_a_peer_that_left_is_remembered_and_one_that_joins_begins_unrated(swarm, make_round, honest):
    gauntlet = Gauntlet(SPEC)
    gauntlet.review(make_round(swarm, {peer: honest[peer] for peer in range(5)}))
    gauntlet.memory.before = {}
    gauntlet.review(make_round(swarm, {peer: honest[peer] for peer in (0, 1, 2, 5)}, number=1))
    standings = gauntlet.memory.standings
    assert (standings[4].rated, standings[4].absent) == (1, 1)
    assert (standings[5].rated, standings[0].rated) == (1, 2)
    assert [row["peer"] for row in gauntlet.last] == [0, 1, 2, 5]


def test_bans_end(swarm, make_round, honest):
    rules = TEMPLAR.replace(slashes=tuple(s.replace(ban=2) if s.ban else s for s in TEMPLAR.slashes))
    gauntlet, chosen = Gauntlet(SPEC.replace(rules=rules)), []
    for number in range(4):
        copied = {1: honest[0]} if number == 0 else {}
        chosen.append(1 in gauntlet.review(make_round(swarm, honest | copied, {1: 11.0}, number=number)))
        gauntlet.memory.before = {}
    assert chosen == [False, False, True, True]


@pytest.mark.parametrize("rule", ["mean", "contributor_mean"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_update_moves_the_model_no_further_than_stated(rule, data, swarm, honest, hostile):
    """Its part of the aggregate: what is left when every other update is zero, under the round's clip."""
    updates = [swarm.wire.unpack(payload) for payload in honest.values()]
    kind, seed = (
        data.draw(st.sampled_from(["noise", "scaled", "flipped", "poison"])),
        data.draw(st.integers(0, 9)),
    )
    updates[0] = swarm.wire.unpack(hostile(kind, 0, seed))
    together = flatten(aggregate(updates, rule, "median_norm"))
    medians = {name: sorted(u.norms()[name] for u in updates)[2] for name in updates[0].shapes}
    silent = hostile("zeros", 0, 0)
    without = flatten(aggregate_fixed([swarm.wire.unpack(silent), *updates[1:]], rule, medians))
    part = (together - without).norm().item()
    honest_norm = max(math.hypot(*u.norms().values()) for u in updates[1:])
    assert largest_move(updates, rule, 1.0) <= largest_share(6, rule) * honest_norm * (1 + 1e-6)
    if rule == "mean":
        assert part <= largest_move(updates, rule, 1.0) * (1 + 1e-4)
    assert together.abs().max() <= max(medians.values()) * (1 + 1e-4)


def aggregate_fixed(updates, rule, medians):
    """Return the aggregate with each tensor clipped to a given median norm, densely."""
    total = {}
    for name in updates[0].shapes:
        dense = [u.dense()[name] * min(1.0, medians[name] / (u.norms()[name] + 1e-8)) for u in updates]
        count = len(updates) if rule == "mean" else sum((d != 0).float() for d in dense).clamp(min=1)
        total[name] = sum(dense) / count
    return total
