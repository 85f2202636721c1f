"""Peers that know only a bucket: the same bytes as in process, whatever is killed, late or away."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from locolab import corpus
from locolab.compress import CompressionSpec
from locolab.config import ConfigError
from locolab.corpus import CorpusSpec
from locolab.gauntlet import GauntletSpec
from locolab.model import shapes
from locolab.network import Bucket, BucketError, KeyTaken, key_of, round_prefix
from locolab.run.engines import Board, Coordinator, InProcess, Replica, Worker, digest, spilled
from locolab.run.engines.board import Report
from locolab.run.engines.gathering import Received
from locolab.train import Peer, Swarm, TrainSpec, wire_for


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A text of its own and a cache for it; three peers, six rounds of SparseLoCo on the smallest model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCOLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder, draw = tmp_path_factory.mktemp("text"), random.Random(0)
        for number in range(30):
            words = (f"{draw.choice(('one', 'two', 'ten'))} and {draw.randint(1, 99)}." for _ in range(600))
            (folder / f"{number:02d}.txt").write_text("\n\n".join(words))
        yield TrainSpec(
            method="sparseloco",
            preset="pico",
            corpus=CorpusSpec(name=f"text:{folder}", vocab_size=300, validation_fraction=0.2),
            n_peers=3,
            local_steps=2,
            rounds=6,
            batch=2,
            evaluate_every=3,
            evaluate_sequences=8,
            checkpoint_every=2,
            compression=CompressionSpec(chunk=64, k=8),
        )


@pytest.fixture(scope="module")
def text(small):
    return corpus.load(small.corpus)


class Clock:
    """One second a look: windows end after a number of looks, not of seconds."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def lead(spec, bucket, engine, **parts):
    return Coordinator(spec, bucket, engine, clock=Clock(), keep_all=True, window=30, **parts)


def started(spec, bucket, folder, **parts):
    engine = InProcess(bucket, folder, spec, **parts)
    for index in range(spec.n_peers):
        engine.start_peer(index)
    return engine


def replayed(spec, bucket):
    """How many rounds are recorded, and the digest of theta from the first state and their updates alone."""
    names = shapes(spec.model)
    replica = Replica(spec, Board(bucket), wire_for(spec, names), names)
    replica.load(0)
    return replica.catch_up(), digest(replica.theta)


@pytest.mark.parametrize("method", ["sparseloco", "diloco", "averaging"])
def test_the_same_records_and_the_same_bytes_as_in_process(small, text, tmp_path, method):
    changes = {
        "diloco": {"outer_lr": 0.7, "outer_momentum": 0.9, "nesterov": True, "compression": None},
        "averaging": {"compression": None},
    }
    spec = small.replace(method=method, **changes.get(method, {}))
    alone = Swarm(spec, text)
    records = [alone.round() for _ in range(spec.rounds)]
    bucket = Bucket()
    leader = lead(spec, bucket, started(spec, bucket, tmp_path))
    assert leader.run() == records
    assert torch.equal(leader.swarm.theta, alone.theta)
    assert replayed(spec, bucket) == (spec.rounds, digest(alone.theta))


def test_peers_that_keep_their_state_on_the_disk_send_the_same(small, text, tmp_path):
    plain, lean = Swarm(small, text), Swarm(small, text, behaviours=spilled(small, tmp_path))
    assert [lean.round() for _ in range(3)] == [plain.round() for _ in range(3)]
    assert all(not peer.feedback and not peer.moments for peer in lean.peers)
    state = lean.state()
    again = Swarm(small, text, behaviours=spilled(small, tmp_path / "again"))
    again.load_state(state)
    assert again.round() == plain.round()


def test_a_killed_peer_goes_on_and_costs_the_others_nothing(small, text, tmp_path):
    """Killed while training for round 2, started again in round 4: as if it had been away for two rounds."""

    class Away(Peer):
        def round(self, theta, number, step=0):
            return None if number in (2, 3) else super().round(theta, number, step)

    alone = Swarm(small, text, behaviours={1: Away})
    records = [alone.round() for _ in range(small.rounds)]
    bucket = Bucket()
    engine = started(small, bucket, tmp_path)
    events = {2: lambda: engine.stop(1), 4: lambda: engine.start_peer(1)}
    outcomes = []
    leader = lead(small, bucket, engine, opened=lambda number: events.get(number, int)())
    for _ in range(small.rounds):
        leader.round()
        outcomes.append([leader.gathering.outcomes[peer] for peer in range(3)])
    assert torch.equal(leader.swarm.theta, alone.theta)
    assert [row[1] for row in outcomes] == ["ok", "ok", "dead", "dead", "ok", "ok"]
    assert {row[0] for row in outcomes} | {row[2] for row in outcomes} == {"ok"}
    assert records[2].selected == [0, 2]


def test_killed_between_packing_and_uploading_it_sends_what_it_remembers(small, tmp_path):
    bucket = Bucket()
    lead(small, bucket, started(small, bucket, tmp_path))
    first = Worker(bucket, 0, tmp_path)
    first.board.report = None  # fails after the state was written
    with pytest.raises(TypeError):
        first.advance()
    second = Worker(bucket, 0, tmp_path)
    second.peer.train = None  # it must not train for this round again
    assert second.advance()
    assert bucket.get(key_of(0, 0)) == first._payload
    assert not second.advance()
    third = Worker(bucket, 0, tmp_path)
    assert third.advance()  # its payload lies there already: nothing is uploaded or trained twice
    assert third.peer.feedback.keys() == first.peer.feedback.keys()
    assert all(
        torch.equal(third.peer.feedback[name], first.peer.feedback[name]) for name in first.peer.feedback
    )


def test_a_late_peer_starts_from_the_newest_state_and_the_updates_after_it(small, tmp_path):
    bucket = Bucket()
    engine = InProcess(bucket, tmp_path, small)
    engine.start_peer(0)
    engine.start_peer(2)
    leader = lead(small, bucket, engine, opened=lambda number: number == 3 and engine.start_peer(1))
    records = leader.run()
    assert [1 in record.selected for record in records] == [False] * 3 + [True] * 3
    late = Worker(bucket, 1, tmp_path / "elsewhere")
    assert late.finished
    assert digest(late.replica.theta) == digest(leader.swarm.theta)


def test_a_slow_peer_is_late_and_catches_up(small, tmp_path):
    bucket = Bucket()
    asleep = {"now": False}
    engine = started(small, bucket, tmp_path, pace=lambda index: index != 2 or not asleep["now"])
    leader = lead(small, bucket, engine, opened=lambda number: asleep.update(now=number in (2, 3)))
    records = leader.run()
    assert [record.selected for record in records][2:5] == [[0, 1], [0, 1], [0, 1, 2]]
    assert records[2].refused == {2: "nothing submitted"}


def test_a_coordinator_that_was_killed_goes_on_from_the_bucket(small, text, tmp_path):
    alone = Swarm(small, text)
    records = [alone.round() for _ in range(small.rounds)]
    bucket = Bucket()
    engine = started(small, bucket, tmp_path)
    first = lead(small, bucket, engine)
    for _ in range(3):  # one round after the last shared state
        first.round()
    second = lead(small, bucket, engine)
    assert second.run() == records
    assert torch.equal(second.swarm.theta, alone.theta)


def test_a_gauntlet_over_a_bucket_judges_as_in_process_and_remembers_over_a_kill(small, text, tmp_path):
    """Probes are the peers' own; a round that was closed before the kill is reviewed again from memory."""
    settings = GauntletSpec(sequences=2)
    alone, rows, found = Swarm(small, text, validator=settings.build()), [], []
    for _ in range(small.rounds):
        alone.round()
        rows.append(alone.validator.last)
    bucket = Bucket()
    engine = started(small, bucket, tmp_path)
    first = lead(small, bucket, engine, validator=settings.build())
    for _ in range(3):  # one round after the last shared state
        first.round()
        found.append(first.swarm.validator.last)
    second = lead(small, bucket, engine, validator=settings.build())
    assert second.swarm.number == 2
    while second.swarm.number < small.rounds:
        second.round()
        found[second.swarm.number - 1 :] = [second.swarm.validator.last]
    assert found == rows
    assert all(row["sync"] == 0.0 for row in found[-1])
    assert torch.equal(second.swarm.theta, alone.theta)


def test_old_rounds_go_and_a_late_peer_still_finds_its_way(small, tmp_path):
    bucket = Bucket()
    leader = Coordinator(small, bucket, started(small, bucket, tmp_path), clock=Clock())
    leader.run()
    keys = bucket.list()
    assert [number for number in range(6) if key_of(number, 0) in keys] == [4, 5]
    assert Board(bucket).states() == [4, 6]
    assert [Board(bucket).selected(number) for number in range(7)] == [[0, 1, 2]] * 6 + [None]
    assert Worker(bucket, 0).finished


def test_who_slept_until_the_updates_were_gone_goes_on_from_a_state(small, tmp_path):
    bucket = Bucket()
    engine = started(small, bucket, tmp_path, pace=lambda index: index != 2)
    sleeper = None

    def opened(number):
        nonlocal sleeper
        if number == 1:
            sleeper = Worker(bucket, 2)

    leader = Coordinator(small, bucket, engine, clock=Clock(), opened=opened)
    leader.run()
    assert sleeper.replica.number < 2
    assert sleeper.advance()
    assert digest(sleeper.replica.theta) == digest(leader.swarm.theta)


def test_a_board_holds_one_run_and_says_what_does_not_fit(small, tmp_path):
    board = Board(Bucket(f"file://{tmp_path}/bucket"))
    with pytest.raises(KeyError):
        board.spec()
    board.announce(small)
    board.announce(small)
    assert board.spec() == small
    with pytest.raises(ConfigError, match="holds another run"):
        board.announce(small.replace(seed=1))
    with pytest.raises(ConfigError, match="exchanges at every inner step"):
        board.announce(small.replace(method="adamw_dp", compression=None))
    data = board.bucket.get("run").replace(b'"code":"', b'"code":"0')
    other = Bucket()
    other.put("run", data)
    with pytest.raises(ConfigError, match="another code"):
        Board(other).spec()


def test_a_report_survives_what_json_cannot_say():
    board = Board(Bucket())
    board.report(0, 1, Report([1.0, float("nan")], 7, 1, []))
    board.report(0, 1, Report([], 0, 0, []))
    said = board.reported(0, 1)
    assert (said.tokens, said.resets, said.losses[0]) == (7, 1, 1.0)
    assert np.isnan(said.losses[1])
    assert len(board.reports(0)) == 1


class Killed(BaseException):
    """Ends a worker or the coordinator at the request at which it is raised, as kill -9 would."""


class Faulty(Bucket):
    """A bucket that is sometimes away, loses answers, and kills who asks; all drawn from one seed."""

    def __init__(self, seed):
        super().__init__()
        self.draw = random.Random(seed)
        self.away = 0
        self.outages = self.lost = self.kills = 0
        self.calm = True

    def _ask(self, what, request):
        if self.calm:
            return super()._ask(what, request)
        if self.away:
            self.away -= 1
            raise BucketError("away")
        chance = self.draw.random()
        if chance < 0.02:
            self.outages += 1
            self.away = self.draw.randrange(1, 60)
            raise BucketError("going away")
        if chance < 0.03:
            self.kills += 1
            raise Killed
        answer = super()._ask(what, request)
        if chance < 0.05:
            self.lost += 1
            raise BucketError("the answer was lost")
        return answer


class Mortal(InProcess):
    """Workers that die now and then, and come back some turns later."""

    def __init__(self, bucket, folder, spec):
        self.gone = {}
        super().__init__(bucket, folder, spec, pace=lambda index: bucket.draw.random() > 0.4 * (index == 2))

    def poll(self, seconds):
        for index in [index for index, left in self.gone.items() if left == 0]:
            del self.gone[index]
            self.start_peer(index)
        self.gone = {index: left - 1 for index, left in self.gone.items()}
        return super().poll(seconds)

    def _turn(self, index):
        try:
            super()._turn(index)
        except Killed:
            self.stop(index)
            self.gone[index] = self._bucket.draw.randrange(5, 60)


@pytest.mark.parametrize(
    "rounds", [10, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(120)])]
)
def test_no_round_is_lost_or_applied_twice_whatever_happens(small, tmp_path, rounds):
    spec = small.replace(n_peers=4, rounds=rounds)
    bucket = Faulty(seed=rounds)
    engine = Mortal(bucket, tmp_path, spec)
    engine.start_peer(0)
    engine.start_peer(2)
    engine.gone = {1: 40, 3: 90}  # these join while the run is going on
    bucket.calm, deaths, records = False, 0, []
    while not records:
        try:
            leader = lead(spec, bucket, engine)
            records = leader.run()
        except Killed:
            deaths += 1
    bucket.calm = True
    assert [record.round for record in records] == list(range(rounds))
    lists = [key for key in bucket.list() if key.endswith("/selected")]
    assert lists == [f"{round_prefix(number)}/selected" for number in range(rounds)]
    assert replayed(spec, bucket) == (rounds, digest(leader.swarm.theta))
    workers = [Worker(bucket, index, tmp_path) for index in range(4)]
    assert {digest(worker.replica.theta) for worker in workers} == {digest(leader.swarm.theta)}
    assert min(bucket.outages, bucket.lost, bucket.kills, bucket.kills - deaths) >= rounds // 10
    assert len({tuple(record.selected) for record in records}) > 2


def test_what_the_coordinator_receives_is_fetched_once():
    far = Bucket()
    near = Received(far, wait=lambda: pytest.fail("nothing to wait for"))
    far.put("k", b"payload")
    assert near.fetch("k") is near.get("k")
    near.put("k", near.get("k"))  # what the loop puts is what came from there
    with pytest.raises(KeyTaken):
        near.put("k", b"another")
    near.delete(["k"])
    assert near.get("k") == b"payload"
    assert (near.size("k"), near.list(), near.modified("k")) == (7, ["k"], far.modified("k"))
