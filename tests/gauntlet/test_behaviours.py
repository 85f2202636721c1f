"""Behaviours: what each really does, and that it does the same again."""

import dataclasses
import functools

import pytest
import torch

from locolab.compress import CompressionSpec, PayloadError, decode
from locolab.config import ConfigError
from locolab.gauntlet.behaviour import Honest, Turns, misbehaving
from locolab.gauntlet.behaviours import BEHAVIOURS
from locolab.gauntlet.sending import DAMAGE, Copier, FreeRider, Malformed, Poison, Scaled
from locolab.gauntlet.training import (
    Desynchronised,
    Intermittent,
    Late,
    Lazy,
    Slow,
    WrongData,
    sybils,
)
from locolab.network import key_of
from locolab.train import Submissions, Swarm, TrainSpec, Validator
from locolab.train.peer import HONEST_UPLOAD
from locolab.train.probe import make_probe


class Watching(Validator):
    """Trusts everybody, wants probes, and keeps what it was shown."""

    wants_probes = True

    def __init__(self):
        self.seen = []

    def review(self, round: Submissions):
        def payload(peer):
            try:
                return round.bucket.get(key_of(round.number, peer))
            except KeyError:
                return None

        self.seen.append(
            {
                "theta": round.vector.clone(),
                "payloads": {peer: payload(peer) for peer in round.peers},
                "updates": {peer: round.update(peer) for peer in round.peers},
                "uploads": {peer: round.uploaded(peer) for peer in round.peers},
                "probes": {peer: round.probe(peer) for peer in round.peers},
            }
        )
        return round.peers


@pytest.fixture(scope="module")
def watch(spec, text):
    """Train some rounds with behaviours; return what a validator saw in each, and the records."""

    def go(behaviours, rounds=1, **changes):
        if not behaviours and rounds == 1:
            return honest(tuple(changes.items()))
        return fresh(behaviours, rounds, **changes)

    @functools.cache
    def honest(changes):
        return fresh({}, 1, **dict(changes))

    def fresh(behaviours, rounds, **changes):
        validator = Watching()
        swarm = Swarm(spec.replace(n_peers=3, **changes), text, validator=validator, behaviours=behaviours)
        records = [swarm.round() for _ in range(rounds)]
        return validator.seen, records

    return go


def dense(update):
    return torch.cat([tensor.flatten() for tensor in update.dense().values()])


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_every_behaviour_repeats_itself_and_spares_the_others(watch, name):
    behaviour = BEHAVIOURS[name]
    if isinstance(behaviour, Turns):
        behaviour = dataclasses.replace(behaviour, after=1)
    brief = {"local_steps": 2, "batch": 1, "evaluate_sequences": 1}
    seen, records = watch({1: behaviour}, rounds=2, **brief)
    again, same = watch({1: behaviour}, rounds=2, **brief)
    honest, _ = watch({}, **brief)
    assert records == same
    assert [each["payloads"] for each in seen] == [each["payloads"] for each in again]
    assert all(seen[0]["payloads"][peer] == honest[0]["payloads"][peer] for peer in (0, 2))
    assert all(each["payloads"][0] and each["payloads"][2] for each in seen)


def test_an_actor_that_is_honest_is_a_peer(watch):
    seen, records = watch({1: Honest()}, rounds=2)
    plain, others = watch({}, rounds=2)
    assert records == others
    assert all(torch.equal(a["theta"], b["theta"]) for a, b in zip(seen, plain, strict=True))
    assert [each["uploads"] for each in seen] == [each["uploads"] for each in plain]
    assert [each["probes"] for each in seen] == [each["probes"] for each in plain]


def test_honest_uploads_lie_inside_the_window(spec, swarm):
    first, last = HONEST_UPLOAD
    times = [peer.uploads_after(number) for peer in swarm.peers for number in range(20)]
    assert first <= min(times) < max(times) <= last
    assert len(set(times)) == len(times)


@pytest.mark.parametrize(
    ("behaviour", "tokens"),
    [(Lazy(0.25), 1), (Lazy(1.0), 4), (Slow(0.5), 2), (Slow(0.5, fixed="steps"), 4), (Lazy(0.01), 1)],
)
def test_who_trains_less_says_so_in_tokens(watch, spec, behaviour, tokens):
    _, (record,) = watch({1: behaviour})
    per_step = spec.batch * spec.model.context
    assert record.tokens == (2 * spec.local_steps + tokens) * per_step


def test_slow_hardware_is_late_or_does_less(watch):
    seen, _ = watch({0: Slow(0.5, fixed="steps"), 1: Slow(0.5), 2: Late(900.0)})
    honest, _ = watch({})
    assert seen[0]["uploads"][0] == pytest.approx(honest[0]["uploads"][0] + 1200.0)
    assert seen[0]["uploads"][1] == honest[0]["uploads"][1]
    assert seen[0]["uploads"][2] == 900.0
    assert seen[0]["payloads"][0] == honest[0]["payloads"][0]
    assert seen[0]["payloads"][1] != honest[0]["payloads"][1]
    assert seen[0]["payloads"][2] == honest[0]["payloads"][2]


def test_wrong_data_is_not_the_assigned(spec, text):
    peers = Swarm(spec, text, behaviours={1: WrongData(), 2: WrongData("first")}).peers
    honest = Swarm(spec, text).peers
    assert peers[1].sample_ids(3).tolist() != honest[1].sample_ids(3).tolist()
    assert peers[2].sample_ids(3).tolist() == honest[2].sample_ids(0).tolist()


def test_a_desynchronised_peer_starts_from_the_old_theta_and_its_probe_shows_it(watch):
    seen, _ = watch({1: Desynchronised(behind=2)}, rounds=4)
    for number, old in ((0, 0), (1, 0), (2, 0), (3, 1)):
        assert seen[number]["probes"][1] == make_probe(seen[old]["theta"], 1, number)
        assert seen[number]["probes"][0] == make_probe(seen[number]["theta"], 0, number)
    assert not torch.equal(seen[0]["theta"], seen[1]["theta"])


def test_intermittent_peers_come_in_their_share_of_rounds(spec, text):
    (peer,) = Swarm(spec.replace(n_peers=1), text, behaviours={0: Intermittent(0.3)}).peers
    there = [peer.generator(number).random() < 0.3 for number in range(400)]
    assert 0.24 < sum(there) / 400 < 0.36


def test_an_absent_peer_does_not_train(watch):
    seen, records = watch({1: Intermittent(0.5)}, rounds=4)
    there = [each["payloads"][1] is not None for each in seen]
    assert set(there) == {True, False}
    assert [1 in record.submitted for record in records] == there
    assert [record.refused == {} for record in records] == there


@pytest.mark.parametrize("sends", ["noise", "zeros", "repeat", "echo"])
def test_free_riders_train_at_most_once(watch, spec, sends):
    seen, records = watch({1: FreeRider(sends)}, rounds=3)
    share = spec.local_steps * spec.batch * spec.model.context
    assert records[-1].tokens == (6 + (sends == "repeat")) * share
    assert all(each["updates"][1] is not None for each in seen[1:])
    own = [each["payloads"][1] for each in seen]
    if sends == "noise":
        assert len(set(own)) == 3
        made_up, honest = (dense(seen[0]["updates"][peer]).norm() for peer in (1, 0))
        assert 0.1 < made_up / honest < 10
    if sends == "zeros":
        assert not dense(seen[1]["updates"][1]).any()
    if sends == "repeat":
        assert len(set(own)) == 1
    if sends == "echo":
        assert own[0] is None
        moved = seen[0]["theta"] - seen[1]["theta"]
        similar = torch.nn.functional.cosine_similarity(dense(seen[1]["updates"][1]), moved, dim=0)
        assert similar > 0.7


def test_a_copy_is_another_peers_payload_sent_after_it(watch):
    seen, _ = watch({0: Copier(victim=2), 1: Copier()}, rounds=3)
    assert all(each["payloads"][0] == each["payloads"][2] == each["payloads"][1] for each in seen)
    assert all(each["uploads"][0] > HONEST_UPLOAD[1] >= each["uploads"][2] for each in seen)


def test_a_disguised_copy_has_other_bytes_and_less_in_common_the_less_it_keeps(watch):
    similar = []
    for keep, noise in ((1.0, 0.1), (0.35, 0.2)):
        seen, _ = watch({1: Copier(0, keep, noise)})
        copied, original = (dense(seen[0]["updates"][peer]) for peer in (1, 0))
        assert seen[0]["payloads"][1] != seen[0]["payloads"][0]
        similar.append(torch.nn.functional.cosine_similarity(copied, original, dim=0).item())
    assert similar[0] > 0.9
    assert 0.3 < similar[1] < similar[0]


def test_a_copier_without_anything_to_copy_sends_nothing(watch, spec, text):
    _, (record,) = watch(dict.fromkeys(range(3), Copier()))
    assert record.submitted == []
    _, (record,) = watch({0: Copier(1, noise=0.5), 1: Malformed("truncated")})
    assert record.submitted == [1, 2]
    alone = Copier()(0, spec, text, Swarm(spec, text).model, Swarm(spec, text).wire)
    with pytest.raises(RuntimeError, match="needs a bucket"):
        alone.round(torch.zeros(1), 0)


@pytest.mark.parametrize("factor", [10.0, 1000.0, -1.0])
def test_scaled_is_a_multiple_of_the_honest_update(watch, factor):
    seen, _ = watch({1: Scaled(factor)})
    honest, _ = watch({})
    torch.testing.assert_close(
        dense(seen[0]["updates"][1]), factor * dense(honest[0]["updates"][1]), rtol=1e-5, atol=0
    )


def test_poison_puts_an_honest_norm_on_one_coordinate(watch):
    seen, _ = watch({1: Poison(size=1.0, place=0.5)})
    poison, honest = (dense(seen[0]["updates"][peer]) for peer in (1, 0))
    assert poison.count_nonzero() == 1
    assert poison.nonzero().item() == poison.numel() // 2
    assert 0.5 < poison.norm() / honest.norm() < 3


@pytest.mark.parametrize("codec", ["entropy", "packed"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_no_damaged_payload_can_be_read(watch, spec, text, kind, codec):
    compression = CompressionSpec(chunk=256, k=16, codec=codec)
    seen, (record,) = watch({1: Malformed(kind)}, compression=compression)
    assert record.selected == [0, 2]
    assert record.refused[1].startswith("payload refused")
    shapes = Swarm(spec, text).model.shapes
    with pytest.raises(PayloadError):
        decode(seen[0]["payloads"][1], shapes, compression)


def test_sybils_share_one_training_and_no_position(watch):
    seen, _ = watch(sybils((0, 2)))
    honest, _ = watch({})
    first, second = (dense(seen[0]["updates"][peer]) for peer in (0, 2))
    assert not ((first != 0) & (second != 0)).any()
    leader = dense(honest[0]["updates"][0])
    similar = torch.nn.functional.cosine_similarity(first + second, leader, dim=0)
    assert similar > 0.6
    assert seen[0]["payloads"][1] == honest[0]["payloads"][1]


def test_turning_peers_are_honest_until_they_turn(watch):
    seen, _ = watch({1: Turns(after=1, then=Copier(victim=0))}, rounds=2)
    honest, _ = watch({}, rounds=1)
    assert seen[0]["payloads"][1] == honest[0]["payloads"][1]
    assert seen[1]["payloads"][1] == seen[1]["payloads"][0]
    assert seen[0]["uploads"][1] < HONEST_UPLOAD[1] < seen[1]["uploads"][1]


@pytest.mark.parametrize("name", ["repeat", "echo", "three rounds behind", "intermittent", "disguised copy"])
def test_what_a_behaviour_remembers_survives_a_restart(spec, text, name):
    small = spec.replace(n_peers=2)
    whole = Swarm(small, text, behaviours={1: BEHAVIOURS[name]})
    records = [whole.round() for _ in range(4)]
    early = Swarm(small, text, behaviours={1: BEHAVIOURS[name]})
    [early.round() for _ in range(2)]
    state = {group: {k: t.clone() for k, t in own.items()} for group, own in early.state().items()}
    late = Swarm(small, text, behaviours={1: BEHAVIOURS[name]})
    late.load_state(state)
    assert [late.round() for _ in range(2)] == records[2:]
    assert torch.equal(late.theta, whole.theta)


def test_behaviours_are_values_with_names_of_their_own():
    hashes = {behaviour.hash() for behaviour in BEHAVIOURS.values()}
    assert len(hashes) == len(BEHAVIOURS)
    nested = Turns(then=Scaled(-1.0)).to_dict()
    assert nested["then"] == {"behaviour": "Scaled", "factor": -1.0}
    assert Turns(then=Scaled(-1.0)).hash() != Turns(then=Scaled(-2.0)).hash()


def test_a_share_of_the_peers_is_drawn_and_several_behaviours_take_turns():
    mixed = misbehaving(10, 0.4, (Lazy(), Late()), seed=1)
    assert [type(each) for each in mixed.values()] == [Lazy, Late, Lazy, Late]
    assert misbehaving(10, 0.4, (Lazy(), Late()), seed=1) == mixed
    assert any(misbehaving(10, 0.4, (Lazy(),), seed=seed).keys() != mixed.keys() for seed in range(5))
    assert misbehaving(10, 0.0, (Lazy(),)) == {}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Lazy(1.5), "Lazy.share"),
        (lambda: Slow(0.0), "Slow.speed"),
        (lambda: Slow(fixed="time"), "window"),
        (lambda: WrongData("nowhere"), "elsewhere"),
        (lambda: Desynchronised(0), "at least 1"),
        (lambda: Intermittent(0.0), "Intermittent.share"),
        (lambda: FreeRider("money"), "noise, zeros"),
        (lambda: Copier(keep=2.0), "keep in 0..1"),
        (lambda: Poison(place=1.0), r"\[0, 1\)"),
        (lambda: Malformed("tiny"), "truncated"),
        (lambda: sybils((1, 2))[1].replace(part=2), "of - 1"),
        (lambda: misbehaving(4, 1.5, (Lazy(),)), "share in 0..1"),
        (lambda: misbehaving(4, 0.5, ()), "at least one"),
    ],
)
def test_settings_out_of_range_are_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()


def test_behaviours_need_rounds_and_a_peer_that_is_there(spec, text):
    parallel = TrainSpec(method="adamw_dp", preset="pico", corpus=spec.corpus, local_steps=2)
    with pytest.raises(ConfigError, match="once a round"):
        Swarm(parallel, text, behaviours={1: Lazy()})
    with pytest.raises(ConfigError, match=r"peers \[6\]"):
        Swarm(spec, text, behaviours={6: Lazy()})
