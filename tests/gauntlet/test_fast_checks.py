"""Fast checks of one submission after the other: what passes, what fails, and that nobody else is touched."""

import math

import numpy as np
import pytest

from locolab.compress import encode
from locolab.compress.wire import reseal
from locolab.gauntlet import CHECKS, GauntletSpec, Limits
from locolab.gauntlet.checks import norm_ratios
from locolab.gauntlet.review import fast_checks
from locolab.train.probe import make_probe


@pytest.fixture
def check(swarm, make_round, honest):
    """Return a function: changed submissions to each peer's first failed check, "" where there is none."""

    def go(payloads=None, history=None, before=(), settings=None, **parts):
        round = make_round(swarm, {**honest, **(payloads or {})}, **parts)
        found = fast_checks(round, history or [swarm.theta], before, settings or GauntletSpec())
        return {peer: [v.check for v in found.failed(peer)][:1] for peer in round.peers}, found

    return go


def others_pass(failed, *but):
    return all(not checks for peer, checks in failed.items() if peer not in but)


def test_honest_peers_pass_everything(check, honest):
    failed, found = check()
    assert others_pass(failed)
    assert all(tuple(found.verdicts[peer]) == CHECKS for peer in honest)
    assert all(found.number(peer, "sync") == 0.0 for peer in honest)
    assert all(0 <= found.number(peer, "copy") < 0.4 for peer in honest)
    assert all(0.5 < found.number(peer, "norm") < 2 for peer in honest)


def test_absent(check):
    failed, found = check({3: None})
    assert failed[3] == ["present"]
    assert found.failed(3)[0].reason == "nothing submitted"
    assert others_pass(failed, 3)


@pytest.mark.parametrize(
    ("seconds", "ok"),
    [
        (0.0, True),
        (70.0, True),
        (70.1, False),
        (-0.1, False),
        (1e9, False),
        (math.nan, False),
        (math.inf, False),
    ],
)
def test_window(check, seconds, ok):
    failed, _ = check(seconds={2: seconds})
    assert failed[2] == ([] if ok else ["window"])
    assert others_pass(failed, 2)


def test_what_came_late_is_not_even_decoded(check):
    failed, found = check({2: b"not a payload"}, seconds={2: 71.0})
    assert failed[2] == ["window"]
    assert "content" not in found.verdicts[2]


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "flip", "text"])
def test_malformed(check, honest, damage):
    payload = bytearray(honest[1])
    payload[len(payload) // 2] ^= 0x10
    hostile = {
        "empty": b"",
        "cut": honest[1][:-3],
        "noise": np.random.default_rng(0).bytes(5000),
        "flip": bytes(payload),
        "text": b"{}",
    }[damage]
    for sent in (hostile, reseal(hostile)):
        failed, _ = check({1: sent})
        assert failed[1] in (["content"], []) if sent != hostile else failed[1] == ["content"]
        assert others_pass(failed, 1)


def test_zeros_and_chunks_that_were_not_finite(check, shaped, swarm):
    numbers = np.random.default_rng(0).standard_normal(swarm.theta.numel())
    broken = numbers.copy()
    broken[5] = np.nan
    failed, found = check({0: shaped(numbers * 0)[0], 4: shaped(broken)[0]})
    assert failed[0] == failed[4] == ["content"]
    assert found.failed(0)[0].reason == "every value is zero"
    assert found.failed(4)[0].reason == "1 chunks were not finite"
    assert others_pass(failed, 0, 4)


@pytest.mark.parametrize("factor", [10.0, 1000.0, 1e25, 0.001])
def test_scaled(check, shaped, honest, swarm, factor):
    dense = np.concatenate([t.numpy().ravel() for t in swarm.wire.unpack(honest[2]).dense().values()])
    failed, _ = check({2: shaped(dense * factor)[0]})
    assert failed[2] == ["norm"]
    assert others_pass(failed, 2)


def test_a_minority_cannot_move_the_median_beyond_the_others():
    norms = {1: 1.0, 2: 1.1, 3: 0.9, 4: 1e30, 5: 1e30}
    assert [v.ok for v in norm_ratios(norms, Limits())] == [True, True, True, False, False]
    assert norm_ratios({}, Limits()) == []


def test_behind(check, swarm, honest):
    """One and three updates behind pass with their number; four behind, or nothing readable, does not."""
    theta = swarm.theta
    history = [theta, *(theta + age for age in (1.0, 2.0, 3.0, 4.0, 5.0))]
    probes = {peer: make_probe(history[age], peer, 0) for peer, age in ((1, 1), (2, 3), (3, 4))}
    failed, found = check(history=history, probes=probes | {4: None, 5: b"junk"})
    assert [failed[peer] for peer in range(6)] == [[], [], [], ["sync"], ["sync"], ["sync"]]
    assert [found.number(peer, "sync") for peer in range(4)] == pytest.approx([0.0, 1.0, 3.0, 4.0])


def test_another_peers_probe_does_not_serve(check, swarm, honest):
    history = [swarm.theta, swarm.theta * 0.99]
    failed, _ = check(history=history, probes={3: make_probe(swarm.theta, 2, 0)})
    assert failed[3] == ["sync"]
    assert others_pass(failed, 3)


def test_without_probes_there_is_no_sync_check(check):
    failed, found = check(probes=dict.fromkeys(range(6)), settings=GauntletSpec(probes=False))
    assert others_pass(failed)
    assert found.number(0, "sync") is None


def test_copies_in_every_order(check, honest):
    failed, _ = check({5: honest[2]}, seconds={2: 10.0, 5: 12.0})
    assert failed[5] == ["copy"]
    assert others_pass(failed, 5)
    failed, _ = check({0: honest[2]}, seconds={2: 10.0, 0: 12.0})  # a lower number is no alibi
    assert failed[0] == ["copy"]
    failed, _ = check({5: honest[2]}, seconds={2: 10.0, 5: 10.0})
    assert others_pass(failed)


def test_last_rounds_update_again(check, honest, swarm):
    _, found = check()
    failed, _ = check(before=[found.positions[4]])
    assert failed[4] == ["copy"]
    assert others_pass(failed, 4)


def test_a_copy_that_came_too_late_frames_nobody(check, honest):
    failed, _ = check({5: honest[2]}, seconds={2: 10.0, 5: 99.0})
    assert failed[5] == ["window"]
    assert others_pass(failed, 5)


def test_the_order_of_peers_decides_nothing(check, swarm, make_round, honest):
    payloads = {**honest, 1: honest[0], 3: None, 4: b"junk"}
    seconds = {0: 5.0, 1: 6.0}
    rounds = [
        make_round(swarm, dict(order), seconds) for order in (payloads.items(), reversed(payloads.items()))
    ]
    first, second = (fast_checks(r, [swarm.theta], (), GauntletSpec()).verdicts for r in rounds)
    assert first == second


def test_only_sparse_updates_can_be_checked(swarm, make_round, honest, spec):
    from locolab.config import ConfigError
    from locolab.train.payload import DenseWire

    wire = DenseWire(swarm.model.shapes)
    swarm.wire = wire
    with pytest.raises(ConfigError, match="sparseloco"):
        fast_checks(make_round(swarm, {0: wire.pack(swarm.theta, {}, 0)}), [swarm.theta], (), GauntletSpec())


def test_another_codec_of_the_same_update_is_well_formed(check, swarm, honest):
    failed, _ = check({0: encode(swarm.wire.unpack(honest[0]), "packed")})
    assert others_pass(failed)
