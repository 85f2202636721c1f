"""Inner steps: the schedule, the pseudo-gradient, and moments that survive a NaN."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from locolab.model import build
from locolab.train import FlatModel, TrainSpec, learning_rate
from locolab.train.inner import gradients, pseudo_gradients, reset_if_not_finite


@given(st.integers(1, 40), st.integers(1, 10), st.floats(0, 0.9), st.floats(0, 1))
def test_the_schedule_rises_then_falls_to_its_final_share(rounds, steps, warmup, final):
    spec = TrainSpec(rounds=rounds, local_steps=steps, warmup=warmup, final_lr=final, inner_lr=1.0)
    rates = [learning_rate(spec, step) for step in range(spec.total_steps)]
    peak = max(0, round(warmup * spec.total_steps) - 1)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert max(rates) == pytest.approx(1.0)
    if spec.total_steps - round(warmup * spec.total_steps) > 1:
        assert rates[-1] == pytest.approx(final)


@pytest.fixture
def model(spec):
    return FlatModel(build(spec.model, seed=0))


@pytest.fixture
def batches(spec):
    return list(np.random.default_rng(0).integers(0, spec.model.vocab_size, (3, 2, 33)))


def plain_loop(spec, batches):
    """The same training written without flat vectors."""
    model = build(spec.model, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), betas=spec.betas, weight_decay=spec.weight_decay)
    for step, windows in enumerate(batches):
        optimizer.param_groups[0]["lr"] = learning_rate(spec, step)
        tokens = torch.from_numpy(windows)
        logits = model(input_ids=tokens[:, :-1]).logits
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), spec.clip)
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def pseudo_gradient(spec, model, moments, theta, batches, first_step):
    """One peer's, and its losses."""
    (delta,), (losses,) = pseudo_gradients(
        spec, model, [moments], theta, [windows[None] for windows in batches], first_step
    )
    return delta, losses


def test_the_pseudo_gradient_is_what_a_plain_loop_changes(spec, model, batches):
    theta = model.vector.clone()
    delta, losses = pseudo_gradient(spec, model, {}, theta, batches, first_step=0)
    torch.testing.assert_close(theta - delta, plain_loop(spec, batches), rtol=0, atol=1e-5)
    assert len(losses) == 3
    assert losses[0] == pytest.approx(np.log(300), abs=0.15)


def test_moments_carry_over_to_the_next_round(spec, model, batches):
    theta, moments = model.vector.clone(), {}
    first, _ = pseudo_gradient(spec, model, moments, theta, batches[:1], first_step=0)
    second, _ = pseudo_gradient(spec, model, moments, theta - first, batches[1:], first_step=1)
    whole, _ = pseudo_gradient(spec, model, {}, theta, batches, first_step=0)
    torch.testing.assert_close(first + second, whole, rtol=0, atol=1e-6)


def test_the_gradient_leaves_theta_and_ignores_what_was_there(model, batches):
    theta = model.vector.clone()
    (once,), _ = gradients(model, theta, batches[0][None])
    (again,), _ = gradients(model, theta, batches[0][None])
    assert torch.equal(once, again)
    assert torch.equal(model.vector, theta)


def test_moments_that_are_not_finite_start_again(spec, model, batches):
    theta, moments = model.vector.clone(), {}
    assert not reset_if_not_finite(moments)
    pseudo_gradient(spec, model, moments, torch.full_like(theta, torch.nan), batches, first_step=0)
    assert reset_if_not_finite(moments)
    delta, _ = pseudo_gradient(spec, model, moments, theta, batches, first_step=0)
    fresh, _ = pseudo_gradient(spec, model, {}, theta, batches, first_step=0)
    assert torch.equal(delta, fresh)
    assert torch.isfinite(delta).all()
