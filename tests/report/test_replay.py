"""Replaying frozen pseudo-gradients: the account balances, memory and its decay do what the algebra says."""

from __future__ import annotations

import pytest
import torch

from locolab.compress import CompressionSpec
from locolab.report.replay import account, account_runs, cosine, momentum, replay
from locolab.train import TrainSpec

SHAPES = {"w": (32, 48), "b": (40,)}


def sequence(rounds: int = 24, seed: int = 0, drift: float = 1.0) -> list[dict[str, torch.Tensor]]:
    """Return pseudo-gradients with a common drift and noise of unit size."""
    generator = torch.Generator().manual_seed(seed)
    mean = {name: drift * torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    return [
        {name: mean[name] + torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
        for _ in range(rounds)
    ]


@pytest.mark.parametrize("selection", ["magnitude", "random"])
@pytest.mark.parametrize("quantizer", ["none", "magnitude"])
def test_sent_plus_remembered_is_what_was_there(selection: str, quantizer: str) -> None:
    spec = CompressionSpec(chunk=64, k=4, decay=0.95, quantizer=quantizer)
    for step in replay(sequence(6), spec, selection):
        assert torch.equal(step.remembered, step.before - step.sent)
        assert 0 < int((step.sent != 0).sum()) <= step.sent.numel() // 16


@pytest.mark.parametrize("decay", [0.0, 0.95, 1.0])
def test_shares_add_up_to_one(decay: float) -> None:
    rows = account(sequence(), CompressionSpec(chunk=64, k=4, decay=decay, quantizer="none"))
    total = rows.arrived + rows.remembered + rows.forgotten
    assert total.to_numpy() == pytest.approx(1.0, abs=1e-5)


def test_nothing_is_forgotten_without_decay() -> None:
    rows = account(sequence(), CompressionSpec(chunk=64, k=4, decay=1.0, quantizer="none"))
    assert (rows.forgotten == 0).all()


def test_everything_arrives_when_all_is_kept() -> None:
    rows = account(sequence(5), CompressionSpec(chunk=64, k=64, quantizer="none"))
    assert rows.cosine.to_numpy() == pytest.approx(1.0)
    assert rows.arrived.to_numpy() == pytest.approx(1.0)
    assert (rows.visited == 1).all()


def test_random_selection_delivers_the_share_that_waiting_leaves() -> None:
    """A constant stream: each value is sent with chance p a round and shrinks by the decay while it waits."""
    deltas = [{"w": torch.ones(64, 64)}] * 200
    rows = account(deltas, CompressionSpec(chunk=64, k=4, decay=0.9, quantizer="none"), "random")
    p = 4 / 64
    late = rows.iloc[-1].arrived * 200 - rows.iloc[99].arrived * 100  # of the last 100 rounds
    assert late / 100 == pytest.approx(p / (1 - 0.9 * (1 - p)), rel=0.03)
    assert rows.visited.iloc[9] == pytest.approx(1 - (1 - p) ** 10, abs=0.02)


def test_random_selection_is_seeded() -> None:
    spec = CompressionSpec(chunk=64, k=4)
    first, again, other = (account(sequence(4), spec, "random", seed=s) for s in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)


def test_feedback_is_momentum_as_long_as_nothing_was_sent() -> None:
    """Both follow m = decay * m + Delta; the more is sent, the less is left to agree."""
    at_last = [
        account(sequence(), CompressionSpec(chunk=4096, k=k, decay=0.9)).feedback_momentum.iloc[-1]
        for k in (4, 64, 1024)
    ]
    assert 0.97 < at_last[0] < 1.0
    assert at_last == sorted(at_last, reverse=True)


def test_unrelated_momentum_is_a_control() -> None:
    spec = CompressionSpec(chunk=64, k=4)
    rows = account(sequence(seed=1), spec, unrelated=sequence(seed=2))
    assert rows.feedback_unrelated.abs().max() < 0.2 < rows.feedback_momentum.min()


def test_replay_leaves_the_sequence_alone() -> None:
    deltas = sequence(3)
    copies = [{name: tensor.clone() for name, tensor in delta.items()} for delta in deltas]
    account(deltas, CompressionSpec(chunk=64, k=4))
    assert all(torch.equal(a[name], b[name]) for a, b in zip(deltas, copies, strict=True) for name in a)


class KeptRun:
    """What `account_runs` reads of a finished run."""

    def __init__(self, seed: int, keep_deltas: int = 3) -> None:
        self.spec = TrainSpec(seed=seed, keep_deltas=keep_deltas)

    def deltas(self) -> list[dict[str, torch.Tensor]]:
        return sequence(3, self.spec.seed)


def test_runs_are_accounted_for_by_arm() -> None:
    specs = [CompressionSpec(chunk=64, k=4, decay=decay) for decay in (0.0, 0.95)]
    rows = account_runs([KeptRun(5), KeptRun(6)], specs)
    assert rows.groupby(["seed", "selection", "decay", "k"]).size().to_dict() == {
        (seed, selection, decay, 4): 3
        for seed in (5, 6)
        for selection in ("magnitude", "random")
        for decay in (0.0, 0.95)
    }
    alone = account(sequence(3, 5), specs[1], unrelated=sequence(3, 6))
    chosen = rows[(rows.seed == 5) & (rows.decay == 0.95) & (rows.selection == "magnitude")]
    assert chosen[alone.columns].reset_index(drop=True).equals(alone)


@pytest.mark.parametrize("runs", [[KeptRun(0)], [KeptRun(0), KeptRun(1, keep_deltas=0)]])
def test_runs_without_a_sequence_or_a_neighbour_are_refused(runs: list[KeptRun]) -> None:
    with pytest.raises(ValueError, match="two runs or more that kept their pseudo-gradients"):
        account_runs(runs, [CompressionSpec()])


def test_unknown_selection_is_refused() -> None:
    with pytest.raises(ValueError, match="magnitude, random, got 'largest'"):
        next(replay(sequence(1), CompressionSpec(chunk=64, k=4), "largest"))


def test_momentum_follows_torch_sgd() -> None:
    deltas = sequence(5)
    parameter = torch.nn.Parameter(torch.zeros(SHAPES["w"]))
    sgd = torch.optim.SGD([parameter], lr=1.0, momentum=0.9)
    for delta, buffer in zip(deltas, momentum(deltas, 0.9), strict=True):
        parameter.grad = delta["w"].clone()
        sgd.step()
        mine = buffer[: parameter.numel()].view(SHAPES["w"])
        assert torch.allclose(mine, sgd.state[parameter]["momentum_buffer"], atol=1e-5)


def test_cosine_of_nothing_is_zero() -> None:
    assert cosine(torch.zeros(3), torch.ones(3)) == 0.0
