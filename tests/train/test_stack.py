"""Peers that train side by side: the oracle is transformers, and nobody notices the others."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.model import PRESETS, ModelSpec, build
from locolab.train import FlatModel, Peer, Swarm, TrainSpec, reproducible
from locolab.train.inner import pseudo_gradients
from locolab.train.products import linear, token_losses

TRAINED = ("pico", "tiny", "nano", "micro", "mini")


def windows(spec, *counts):
    return np.random.default_rng(0).integers(0, spec.vocab_size, (*counts, spec.context + 1))


def oracle(spec, tokens, vector=None):
    """Logits, loss and gradient of transformers' own forward pass."""
    module = build(spec, seed=0)
    if vector is not None:
        torch.nn.utils.vector_to_parameters(vector, module.parameters())
    ids = torch.from_numpy(tokens)
    logits = module(input_ids=ids[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in module.parameters()])


def assert_equals_the_oracle(spec, count=2):
    model, tokens = FlatModel(build(spec, seed=0)), windows(spec, 1, count)
    loss, gradient = oracle(spec, tokens[0])
    assert model.backward(tokens)[0] == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(model.gradient, gradient, rtol=1e-5, atol=1e-5 * gradient.abs().max().item())


@pytest.mark.parametrize("preset", TRAINED)
def test_losses_and_gradients_are_those_of_transformers(preset):
    assert_equals_the_oracle(PRESETS[preset], count=1 if preset == "mini" else 2)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([(4, 4), (4, 2), (4, 1), (1, 1), (6, 3)]), st.booleans(), st.sampled_from([1e4, 5e5]))
def test_so_are_those_of_other_shapes(heads, tied, theta):
    spec = ModelSpec(
        vocab_size=50,
        hidden=24,
        layers=2,
        heads=heads[0],
        kv_heads=heads[1],
        ffn=40,
        context=16,
        rope_theta=theta,
        tie_embeddings=tied,
    )
    assert_equals_the_oracle(spec)


def test_a_trained_vector_means_the_same_to_transformers():
    spec = TrainSpec(preset="tiny", rounds=1, local_steps=12, warmup=0.0)
    tokens = windows(spec.model, 1, 4)
    model = FlatModel(build(spec.model, seed=0))
    pseudo_gradients(spec, model, [{}], model.vector.clone(), [tokens] * 12, first_step=0)
    after = model.loss(tokens[0]).item()
    assert after < 6  # it learnt its windows by heart; a new model has 6.9
    assert oracle(spec.model, tokens[0], model.vector)[0] == pytest.approx(after, rel=1e-5)
    logits = model.module(input_ids=torch.from_numpy(tokens[0][:, :-1])).logits
    same = build(spec.model, seed=1)
    torch.nn.utils.vector_to_parameters(model.vector, same.parameters())
    assert torch.equal(same(input_ids=torch.from_numpy(tokens[0][:, :-1])).logits, logits)


@pytest.mark.parametrize(("preset", "peers"), [("pico", 7), ("tiny", 5), ("nano", 4), ("micro", 2)])
def test_who_else_trains_changes_no_bit(preset, peers):
    spec = TrainSpec(preset=preset, rounds=2, local_steps=2)
    tokens = np.random.default_rng(1).integers(0, 1024, (2, peers, 2, spec.model.context + 1))
    model = FlatModel(build(spec.model, seed=0), stack=peers)
    theta = model.vector.clone()
    together, alone = [{} for _ in range(peers)], [{} for _ in range(peers)]
    with reproducible(1):
        for start in (0, 2):  # the second time with moments
            deltas, losses = pseudo_gradients(spec, model, together, theta, tokens, start)
            for peer in range(peers):
                own = [batch[peer : peer + 1] for batch in tokens]
                (delta,), (loss,) = pseudo_gradients(spec, model, [alone[peer]], theta, own, start)
                assert torch.equal(deltas[peer], delta)
                assert losses[peer] == loss
    assert all(torch.equal(together[p][key], alone[p][key]) for p in range(peers) for key in together[p])
    assert not torch.equal(deltas[0], deltas[1])


class Solitary(Peer):
    """A plain peer that, being a subclass, trains on its own."""


@pytest.mark.parametrize("method", ["averaging", "adamw_dp", "sparseloco"])
@pytest.mark.parametrize("alone", [(), (1,), (0, 1, 2, 3, 4)])
def test_a_swarm_that_trains_side_by_side_sends_the_same_bytes(
    spec, sparse, train, method, alone, monkeypatch
):
    arm = (sparse if method == "sparseloco" else spec.replace(method=method)).replace(n_peers=5, rounds=2)
    usual, records = train(arm, behaviours=dict.fromkeys(alone, Solitary))
    monkeypatch.setattr("locolab.train.groups.STACKED_TOKENS", 1)
    single, others = train(arm)
    assert (len(usual.model.rows), len(single.model.rows)) == (5, 1)
    assert records == others
    assert torch.equal(usual.theta, single.theta)


def test_every_peer_shows_what_it_found_and_names_its_losses(spec, text):
    swarm, seen = Swarm(spec.replace(n_peers=3), text), []
    swarm.peers[1].observe = lambda number, delta: seen.append((number, delta))
    swarm.round()
    assert [number for number, _ in seen] == [0]
    assert [len(peer.losses) for peer in swarm.peers] == [3, 3, 3]
    assert len({tuple(peer.losses) for peer in swarm.peers}) == 3


def test_memory_of_another_peer_is_its_moments_and_feedback(sparse, text):
    """Rows are shared: 64 peers train on as many as hold the stack's tokens."""
    swarm = Swarm(sparse.replace(n_peers=64, rounds=1), text)
    assert len(swarm.model.rows) == 16
    swarm.round()
    numel = swarm.theta.numel()
    assert {sum(t.numel() for t in peer.state().values()) for peer in swarm.peers} == {3 * numel + 1}


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=10, deadline=None)
def test_products_have_torchs_gradients(peers, rows, wide, out):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(peers, rows, wide, generator=draw, requires_grad=True)
    weights = [torch.randn(out, wide, generator=draw, requires_grad=True) for _ in range(peers)]
    found = torch.autograd.grad(linear(x, weights).square().sum(), [x, *weights])
    plain = torch.stack([a @ w.T for a, w in zip(x, weights, strict=True)])
    for ours, theirs in zip(found, torch.autograd.grad(plain.square().sum(), [x, *weights]), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_without_onednn_it_is_torchs_own_product(spec, train, monkeypatch):
    usual, _ = train(spec.replace(rounds=1))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    other, _ = train(spec.replace(rounds=1))
    torch.testing.assert_close(other.theta, usual.theta, rtol=0, atol=1e-5)


def test_token_losses_have_torchs_gradient():
    logits = torch.randn(6, 9, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets, scale = torch.tensor([0, 8, 3, 3, 1, 7]), torch.arange(6.0)
    ours, theirs = (
        token_losses(logits, targets),
        torch.nn.functional.cross_entropy(logits, targets, reduction="none"),
    )
    torch.testing.assert_close(ours, theirs)
    found = torch.autograd.grad((ours * scale).sum(), logits)[0]
    torch.testing.assert_close(found, torch.autograd.grad((theirs * scale).sum(), logits)[0])
