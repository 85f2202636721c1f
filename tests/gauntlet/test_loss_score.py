"""LossScore: equal to applying an update densely, exact restoring, and windows that anybody can re-derive."""

import numpy as np
import pytest
import torch

from locolab import corpus
from locolab.gauntlet.draws import Draws
from locolab.gauntlet.loss_score import WORST, Gains, loss_scores, relative_gain
from locolab.gauntlet.positions import FlatUpdate, flat_update
from locolab.train import FlatModel, Peer
from locolab.train.flat import flatten


@pytest.fixture
def updates(honest, swarm):
    return {peer: flat_update(swarm.wire.unpack(payload)) for peer, payload in honest.items()}


@pytest.fixture
def draws(text, spec):
    return Draws(text, spec, 0, 8, "trained", seed=3)


def scores(swarm, updates, draws, step=0.3):
    own = {peer: draws.own(peer) for peer in updates}
    return loss_scores(swarm.model, swarm.theta, updates, own, draws.random(), step)


def test_flat_update_is_the_dense_one(honest, swarm):
    update = swarm.wire.unpack(honest[2])
    flat, dense = flat_update(update), torch.zeros(update.numel)
    dense[torch.from_numpy(flat.positions)] = torch.from_numpy(flat.values)
    assert torch.equal(dense, flatten(update.dense()))
    assert (np.diff(flat.positions) > 0).all()
    halves = flat_update(update, dict.fromkeys(update.shapes, np.float32(0.5)))
    assert np.array_equal(halves.values, flat.values / 2)


def test_gains_are_those_of_the_dense_update(swarm, honest, updates, draws):
    found, model = scores(swarm, updates, draws), swarm.model
    for peer in (0, 5):
        dense = flatten(swarm.wire.unpack(honest[peer]).dense())
        losses = []
        for theta in (swarm.theta, swarm.theta - 0.3 * dense):
            model.vector.copy_(theta)
            losses.append([model.loss(draws.own(peer)).item(), model.loss(draws.random()).item()])
        expected = [(before - after) / before for before, after in zip(*losses, strict=True)]
        assert (found[peer].own, found[peer].random) == pytest.approx(expected, rel=1e-3)


def test_the_model_is_theta_again_bit_for_bit(swarm, updates, draws):
    huge = FlatUpdate(updates[0].positions, np.full_like(updates[0].values, 1e30))
    found = scores(swarm, {0: updates[0], 1: huge}, draws)
    assert found[1] == Gains(WORST, WORST)
    assert all(torch.equal(row.vector, swarm.theta) for row in swarm.model.rows)


def test_company_changes_no_bit(swarm, updates, draws, spec):
    together = scores(swarm, updates, draws)
    alone = FlatModel(swarm.model.module, stack=1)
    for peer, update in updates.items():
        own = {peer: draws.own(peer)}
        assert (
            loss_scores(alone, swarm.theta.clone(), {peer: update}, own, draws.random(), 0.3)[peer]
            == together[peer]
        )


def test_honest_updates_help_and_flipped_ones_do_not(swarm, updates, draws):
    flipped = {peer + 10: FlatUpdate(u.positions, -u.values) for peer, u in updates.items()}
    found = scores(swarm, updates | flipped, draws)
    assert all(found[peer].random > 0 and found[peer].own > 0 for peer in updates)
    assert all(found[peer].random < 0 and found[peer].own < 0 for peer in flipped)


@pytest.mark.parametrize(
    ("before", "after", "gain"),
    [(4.0, 3.0, 0.25), (4.0, 5.0, -0.25), (4.0, float("inf"), WORST), (0.0, 0.0, WORST), (1.0, 1e9, WORST)],
)
def test_relative_gain(before, after, gain):
    assert relative_gain(before, after) == gain


def test_assigned_data_is_what_the_peer_trains(swarm, spec, text, draws):
    for number, peer in ((0, 1), (7, 4)):
        trained = Peer(peer, spec, text, swarm.model, swarm.wire).sample_ids(number)
        here = Draws(text, spec, number, 8, "trained", 0).assigned(peer)
        pool = Draws(text, spec, number, 8, "pool", 0).assigned(peer)
        assert np.array_equal(here, trained)
        assert np.array_equal(pool[: len(trained)], trained)
        assert len(trained) / len(pool) == pytest.approx(0.1875, abs=0.003)


def test_windows_follow_from_round_peer_and_secret(text, spec, draws):
    again = Draws(text, spec, 0, 8, "trained", seed=3)
    assert np.array_equal(draws.own(2), again.own(2))
    assert np.array_equal(draws.random(), again.random())
    windows = {tuple(map(tuple, corpus.samples(text.train, draws.assigned(2), spec.model.context)))}
    assert set(map(tuple, draws.own(2))) <= set(*windows)
    for other in (Draws(text, spec, 0, 8, "trained", seed=4), Draws(text, spec, 1, 8, "trained", seed=3)):
        assert not np.array_equal(draws.own(2), other.own(2))
        assert not np.array_equal(draws.random(), other.random())


def test_fewer_assigned_samples_than_asked_for(text, spec):
    few = Draws(text, spec.replace(local_steps=1, batch=1), 0, 8, "trained", 0)
    assert len(few.assigned(0)) == 1
    assert few.own(0).shape == (8, spec.model.context + 1)


def test_what_scoring_twenty_peers_costs(swarm, updates, draws, monkeypatch):
    """Sequences in forward passes: 8 + 8 + 8 a peer, and 8 once; theta is loaded once."""
    twenty, seen = dict.fromkeys(range(20), updates[0]), []
    losses = swarm.model.losses
    monkeypatch.setattr(swarm.model, "losses", lambda w: seen.append(w.shape[0] * w.shape[1]) or losses(w))
    loads = []
    monkeypatch.setattr(
        swarm.model, "load", lambda *a: loads.append(a) or type(swarm.model).load(swarm.model, *a)
    )
    scores(swarm, twenty, draws)
    assert sum(seen) == 20 * 24 + 8
    assert len(loads) == 1
