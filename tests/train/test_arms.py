"""Runs with a validator, misbehaving peers and churn: their names, their records, and what a kill costs."""

import json
import pickle
import signal
import subprocess
import sys
import time

import pytest
import torch

from locolab import provenance, train
from locolab.config import ConfigError
from locolab.files import sha256
from locolab.gauntlet import GauntletSpec
from locolab.gauntlet.behaviours import BEHAVIOURS
from locolab.gauntlet.churn import Churn
from locolab.gauntlet.first_come import FirstCome
from locolab.gauntlet.sending import Scaled
from locolab.train import Arm, Peer, Roster, RoundRecord, Swarm, TrainSpec
from locolab.train.history import History
from locolab.train.population import Population


class Planned:
    """A schedule written out."""

    rooms = ()

    def __init__(self, *rosters):
        self._rosters = rosters

    def rosters(self, rounds, seed):
        return self._rosters

    def to_dict(self):
        return {"rosters": repr(self._rosters)}


@pytest.fixture
def own_cache(corpus_spec, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def full(sparse):
    """Every part at once: the Gauntlet, a copier, a scaled peer, a quarter of the run's churn."""
    spec = sparse.replace(rounds=12, batch=1, local_steps=2, norm_clip="median_norm", checkpoint_every=3)
    behaviours = {1: BEHAVIOURS["exact copy"], 2: BEHAVIOURS["repeat"], 4: Scaled(1000.0)}
    return Arm(spec, GauntletSpec(sequences=2), behaviours, Churn.of_the_run(12, scale=0.25))


# --- names


def test_the_hashes_of_specifications_are_what_they_were():
    """Cached and recorded runs go by these names."""
    assert TrainSpec().hash() == "7fb6143258ccbbd8"
    assert TrainSpec(n_peers=8, seed=3).hash() == Arm(TrainSpec(n_peers=8, seed=3)).hash()


def test_plain_runs_do_not_depend_on_how_validators_judge(spec, full, own_cache, monkeypatch):
    names = [train.directory_of(run) for run in (spec, Arm(spec), full)]
    assert names[0] == names[1]
    whole = provenance.code_hash

    def with_another_gauntlet(rooms):
        return whole(rooms) + "changed" * ("gauntlet" in rooms)

    monkeypatch.setattr(provenance, "code_hash", with_another_gauntlet)
    assert train.directory_of(spec) == names[0]
    assert train.directory_of(full) != names[2]


def test_an_arms_name_depends_on_all_that_it_is_made_of(full):
    other = [
        full.replace(seed=1),
        Arm(full.spec, FirstCome(2), full.behaviours, full.churn),
        Arm(full.spec, GauntletSpec(sequences=3), full.behaviours, full.churn),
        Arm(full.spec, full.validator, {1: Scaled(10.0)}, full.churn),
        Arm(full.spec, full.validator, {2: full.behaviours[1]}, full.churn),
        Arm(full.spec, full.validator, full.behaviours, Churn.of_the_run(12, scale=0.3)),
        Arm(full.spec),
    ]
    assert len({arm.hash() for arm in (full, *other)}) == 8
    assert Arm.of(full) is full
    assert full.libraries == ("openskill",)
    assert full.rooms == ("gauntlet",)
    assert Arm(full.spec).parts() == {}
    assert pickle.loads(pickle.dumps(full)).hash() == full.hash()


@pytest.mark.parametrize(
    ("changes", "parts", "message"),
    [
        ({"method": "adamw_dp"}, {"validator": FirstCome(2)}, "no rounds"),
        ({"keep_deltas": 1}, {"churn": Churn()}, "keep_deltas"),
    ],
)
def test_arms_that_cannot_be_run_are_refused(spec, changes, parts, message):
    with pytest.raises(ConfigError, match=message):
        Arm(spec.replace(**changes), **parts)


# --- runs


def fingerprint(result):
    names = ("metrics.jsonl", "model.safetensors", "parts.json", "spec.json", "verdicts.jsonl")
    return {name: sha256(result.directory / name) for name in names}


def test_what_a_run_with_all_parts_leaves(full, own_cache):
    result = train.run(full, progress=False)
    assert train.is_cached(full)
    assert not train.is_cached(full.spec)
    rosters = full.churn.rosters(12, full.spec.seed)
    for record, roster in zip(result.rounds, rosters, strict=True):
        assert record.live == list(roster.live)
        assert len(record.payload_bytes) == len(record.payload_sha256) == len(record.live)
        assert set(record.selected) <= set(record.submitted) <= set(record.live)
        assert set(record.refused) == set(record.live) - set(record.selected)
    rows = result.verdicts()
    assert [row["round"] for row in rows] == sorted(row["round"] for row in rows)
    assert {row["round"] for row in rows} <= set(range(12))
    parts = json.loads((result.directory / "parts.json").read_text())
    assert parts["behaviours"]["4"]["fields"]["factor"] == 1000.0
    frame = result.frame()
    assert frame["live"].tolist() == [len(roster.live) for roster in rosters]
    assert frame["submitted"].ge(frame["selected"]).all()
    (result.directory / "verdicts.jsonl").write_text("")
    assert not train.is_cached(full)


CHILD = "import pickle, sys; from locolab.train import run; run(pickle.load(open(sys.argv[1], 'rb')), False)"


def test_kill_9_changes_no_byte_of_an_arm(full, own_cache, tmp_path, monkeypatch):
    (tmp_path / "arm.pickle").write_bytes(pickle.dumps(full))
    reached = train.directory_of(full) / "checkpoints" / "after-000006"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "arm.pickle")])
    try:
        while not reached.exists():
            assert child.poll() is None, "the run ended before it could be killed"
            time.sleep(0.002)
    finally:
        child.kill()
    assert child.wait() == -signal.SIGKILL
    assert not train.is_cached(full)
    resumed = train.run(full, progress=False)
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "unbroken"))
    unbroken = train.run_many({"whole": full}, progress=False)["whole"]
    assert resumed.directory != unbroken.directory
    assert fingerprint(resumed) == fingerprint(unbroken)
    assert resumed.verdicts() == unbroken.verdicts() != []


# --- coming and going


def test_who_comes_and_goes_is_written_down(sparse, train):
    plan = Planned(
        Roster((0, 1)),
        Roster((0, 1, 7), crashed=(1,), arriving={1: 0.5}),
        Roster((0, 1, 7)),
        Roster((), away=(7,)),
    )
    swarm, records = train(sparse.replace(checkpoint_every=4), churn=plan)
    assert [record.live for record in records] == [[0, 1], [0, 1, 7], [0, 1, 7], []]
    assert [record.submitted for record in records] == [record.live for record in records]
    assert [record.selected for record in records] == [[0, 1], [0, 7], [0, 1, 7], []]
    assert "payload refused" in records[1].refused[1]
    whole = records[2].payload_bytes[1]
    assert records[1].payload_bytes[1] < whole
    checkpoint = 4 * swarm.theta.numel()
    first, second = sum(records[0].payload_bytes), records[1].payload_bytes
    assert records[0].joined == records[3].joined == {}
    assert records[1].joined == {7: checkpoint + first}
    assert records[2].joined == {1: checkpoint + first + second[0] + second[2]}
    assert records[3].update_norm == 0
    assert records[3].train_loss is None
    share = sparse.tokens_per_round // 2
    assert [record.tokens for record in records] == [2 * share, 5 * share, 8 * share, 8 * share]
    assert records[-1].sent_bytes == pytest.approx(sum(sum(r.payload_bytes) for r in records) * 4 / 8)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("method", ["diloco", "sparseloco"])
def test_a_joiner_ends_with_everybodys_theta_bit_for_bit(spec, sparse, text, method, momentum):
    arm = (sparse if method == "sparseloco" else spec).replace(method=method, outer_momentum=momentum)
    plan = Planned(Roster((0, 1)), Roster((0, 1)), Roster((0, 1)), Roster((0, 1, 2)))
    swarm = Swarm(arm.replace(checkpoint_every=2), text, churn=plan)
    for _ in range(3):
        before = swarm.theta.clone()
        swarm.round()
    replayed = swarm._history.replay()
    assert torch.equal(replayed, swarm.theta)
    assert not torch.equal(replayed, before)


def test_a_joiner_that_ends_elsewhere_stops_the_run(sparse, text):
    swarm = Swarm(sparse.replace(checkpoint_every=4), text, churn=Planned(Roster((0,)), Roster((0, 1))))
    swarm.round()
    swarm.theta[0] += 1e-3
    with pytest.raises(RuntimeError, match=r"peers \[1\] caught up with another theta than round 1 has"):
        swarm.round()


def test_who_returns_remembers_only_what_it_kept(sparse, text):
    plan = Planned(Roster((0, 1, 2)), Roster((0,), away=(1,)), Roster((0, 1, 2)), Roster((0, 1, 2)))
    swarm = Swarm(sparse, text, churn=plan)
    swarm.round()
    kept = {peer.index: {name: t.clone() for name, t in peer.state().items()} for peer in swarm.peers}
    swarm.round()
    swarm._population.go_to(2)
    states = {peer.index: peer.state() for peer in swarm.peers}
    assert all(torch.equal(states[1][name], tensor) for name, tensor in kept[1].items())
    assert all(not tensor.any() for tensor in states[2].values())
    assert len(states[2]) < len(states[1])  # no moments yet
    record = swarm.round()
    assert sorted(record.joined) == [1, 2]


def test_a_crash_costs_the_memory(sparse, text):
    swarm = Swarm(sparse, text, churn=Planned(Roster((0, 1), crashed=(1,)), Roster((0, 1))))
    swarm.round()
    assert swarm.peers[1].moments
    swarm._population.go_to(1)
    assert not swarm.peers[1].moments
    assert swarm.peers[0].moments


def test_a_swarm_with_churn_goes_on_from_its_state(sparse, text):
    rosters = (Roster((0, 1, 2)), Roster((0, 3), away=(1,)), Roster((0, 2, 3), crashed=(3,), away=(1,)))
    plan = Planned(*rosters, Roster((1, 3)))
    spec = sparse.replace(checkpoint_every=5)
    whole, early, late = (Swarm(spec, text, churn=plan) for _ in range(3))
    records = [whole.round() for _ in range(4)]
    [early.round() for _ in range(2)]
    late.load_state({name: {k: t.clone() for k, t in group.items()} for name, group in early.state().items()})
    assert [late.round() for _ in range(2)] == records[2:]
    assert torch.equal(late.theta, whole.theta)


def test_more_peers_than_places_changes_no_plain_peer(sparse, text):
    """A number above n_peers trains what such a peer is assigned, whoever else is there."""
    swarm = Swarm(sparse, text, churn=Planned(Roster((5, 40))))
    alone = Peer(40, sparse, text, swarm.model, swarm.wire)
    theta = swarm.theta.clone()
    record = swarm.round()
    with train.reproducible(1):
        assert len(alone.round(theta, 0)) == record.payload_bytes[1]
    assert swarm.peers[1].losses == alone.losses


@pytest.mark.parametrize(
    ("roster", "message"),
    [
        ({"live": (1, 0)}, "ascending"),
        ({"live": (0, 0)}, "ascending"),
        ({"live": (-1,)}, "ascending"),
        ({"live": (0,), "away": (0,)}, "live and away"),
        ({"live": (0,), "crashed": (1,)}, "not live"),
        ({"live": (0,), "arriving": {0: 1.0}}, "shares"),
    ],
)
def test_rosters_that_contradict_themselves_are_refused(roster, message):
    with pytest.raises(ConfigError, match=message):
        Roster(**roster)


def test_churn_needs_rounds_and_a_roster(spec, text):
    with pytest.raises(ConfigError, match="has none"):
        Swarm(spec.replace(method="adamw_dp"), text, churn=Planned(Roster((0,))))
    with pytest.raises(ValueError, match="at least one round"):
        Population([], make=print)


def test_an_empty_history_is_a_checkpoint(sparse, text):
    swarm = Swarm(sparse, text)
    history = History(sparse, swarm.wire)
    history.restart(swarm.theta, {})
    assert torch.equal(history.replay(), swarm.theta)
    assert history.n_bytes == 4 * swarm.theta.numel()


def test_records_written_before_churn_was_known_can_be_read(spec, text):
    record = Swarm(spec.replace(rounds=1), text).round()
    assert RoundRecord.from_json(record.to_json()) == record
    old = {k: v for k, v in json.loads(record.to_json()).items() if k not in ("live", "submitted", "joined")}
    read = RoundRecord.from_json(json.dumps(old))
    assert read.selected == [0, 1]
    assert read.live == []
