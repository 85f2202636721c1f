"""Replay a frozen sequence of pseudo-gradients through a compression, and account for what arrives.

Frozen: the sequence comes from a run that was not compressed and does not react to what is sent. That
separates what a compression delivers from how training would have gone on with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import torch
from torch import Tensor

from locolab.compress import CompressionSpec, RandomScores, compress
from locolab.train.flat import flatten

if TYPE_CHECKING:
    from locolab.train import RunResult

SELECTIONS = ("magnitude", "random")
"""Top-k, and random-k as its control."""

DILOCO_MOMENTUM = 0.9
"""Momentum of DiLoCo's outer optimiser as published (arXiv 2311.08105)."""

Deltas = Sequence[Mapping[str, Tensor]]
"""Pseudo-gradients by round, each a tensor per parameter."""


@dataclass(frozen=True)
class Step:
    """One replayed round as flat vectors: produced + what memory held = before = sent + remembered."""

    produced: Tensor  # Delta, this round's pseudo-gradient
    before: Tensor  # e = decay * feedback + Delta, from which entries are chosen
    sent: Tensor  # what a receiver adds, zero where nothing was sent
    remembered: Tensor  # the feedback afterwards


def replay(
    deltas: Deltas, spec: CompressionSpec, selection: str = "magnitude", seed: int = 0
) -> Iterator[Step]:
    """Yield every round of `deltas` sent by one peer under `spec`, feedback starting at zero.

    `selection` is ``magnitude`` (top-k) or ``random`` (the control, drawn from `seed`); a decay of 0 in
    `spec` is no memory. Raises ValueError for another selection.

    >>> deltas = [{"w": torch.tensor([4.0, 3.0, 1.0, 0.0])}, {"w": torch.zeros(4)}]
    >>> spec = CompressionSpec(chunk=4, k=1, decay=1.0, quantizer="none")
    >>> [step.sent.tolist() for step in replay(deltas, spec)]
    [[4.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]]
    """
    if selection not in SELECTIONS:
        raise ValueError(f"selection should be one of {', '.join(SELECTIONS)}, got {selection!r}")
    select = RandomScores(seed) if selection == "random" else None
    decay = torch.tensor(spec.decay, dtype=torch.float32)
    feedback = {name: torch.zeros_like(tensor) for name, tensor in deltas[0].items()}
    for delta in deltas:
        produced = flatten(delta)
        before = flatten(feedback) * decay + produced
        dense = compress(dict(delta), feedback, spec, select=select).dense()
        yield Step(produced, before, flatten({name: dense[name] for name in delta}), flatten(feedback))


def momentum(deltas: Deltas, decay: float) -> Iterator[Tensor]:
    """Yield the momentum buffer of outer SGD after every round, m = decay * m + Delta (arXiv 2311.08105).

    >>> [m.tolist() for m in momentum([{"w": torch.tensor([2.0])}, {"w": torch.tensor([1.0])}], 0.5)]
    [[2.0], [2.0]]
    """
    buffer = torch.zeros_like(flatten(deltas[0]))
    for delta in deltas:
        buffer = decay * buffer + flatten(delta)
        yield buffer


def cosine(a: Tensor, b: Tensor) -> float:
    """Return the cosine of two flat vectors in float64, 0.0 where one of them is zero.

    >>> cosine(torch.tensor([1.0, 0.0]), torch.tensor([3.0, 4.0]))
    0.6
    """
    x, y = a.double(), b.double()
    norms = float(x.norm() * y.norm())
    return float(x @ y) / norms if norms else 0.0


def account(
    deltas: Deltas,
    spec: CompressionSpec,
    selection: str = "magnitude",
    seed: int = 0,
    momentum_decay: float = DILOCO_MOMENTUM,
    unrelated: Deltas | None = None,
) -> pd.DataFrame:
    """Return one row per round on where the pseudo-gradients went; every number is a cosine or a share.

    - ``cosine``: between the running sums of what was produced and of what was sent;
    - ``arrived``, ``remembered``, ``forgotten``: shares of the produced sum (projections onto it, which add
      up to 1): sent so far, still in the feedback, lost to its decay (at decay 0: never sent);
    - ``visited``: share of coordinates sent at least once;
    - ``feedback_momentum``, ``sent_momentum``, ``produced_momentum``: cosines of the feedback after the
      round, of what was sent and of the pseudo-gradient with the momentum of the same sequence; with
      `unrelated` also ``feedback_unrelated``, of the feedback with the momentum of that sequence.
    """
    total = torch.zeros_like(flatten(deltas[0]), dtype=torch.float64)
    sent, forgotten, memory = (torch.zeros_like(total) for _ in range(3))
    visited = torch.zeros_like(total, dtype=torch.bool)
    others = momentum(unrelated, momentum_decay) if unrelated is not None else None
    rows = []
    steps = replay(deltas, spec, selection, seed)
    for number, (step, buffer) in enumerate(zip(steps, momentum(deltas, momentum_decay), strict=True), 1):
        total += step.produced
        sent += step.sent
        forgotten += (1 - spec.decay) * memory
        memory = step.remembered.double()
        visited |= step.sent != 0
        rows.append(
            {
                "round": number,
                "cosine": cosine(total, sent),
                "arrived": _share(sent, total),
                "remembered": _share(memory, total),
                "forgotten": _share(forgotten, total),
                "visited": visited.double().mean().item(),
                "feedback_momentum": cosine(step.remembered, buffer),
                "sent_momentum": cosine(step.sent, buffer),
                "produced_momentum": cosine(step.produced, buffer),
            }
        )
        if others is not None:
            rows[-1]["feedback_unrelated"] = cosine(step.remembered, next(others))
    return pd.DataFrame(rows)


def account_runs(
    runs: Sequence[RunResult], specs: Iterable[CompressionSpec], selections: Iterable[str] = SELECTIONS
) -> pd.DataFrame:
    """Return `account` of every run under every spec and selection, with columns seed, selection, decay, k.

    Each run's sequence is what it kept (`TrainSpec.keep_deltas`), the next run's the unrelated one, so at
    least two runs are needed (ValueError). Two sequences are in memory at a time.
    """
    if len(runs) < 2 or not all(run.spec.keep_deltas for run in runs):
        raise ValueError(f"needs two runs or more that kept their pseudo-gradients, got {len(runs)}")
    frames = []
    arms = list(itertools.product(specs, selections))
    for run, other in zip(runs, [*runs[1:], runs[0]], strict=True):
        deltas, unrelated = run.deltas(), other.deltas()
        for spec, selection in arms:
            rows = account(deltas, spec, selection, run.spec.seed, unrelated=unrelated)
            rows = rows.assign(seed=run.spec.seed, selection=selection, decay=spec.decay, k=spec.k)
            frames.append(rows)
    return pd.concat(frames, ignore_index=True)


def _share(part: Tensor, whole: Tensor) -> float:
    """Return how much of `whole` lies in `part`: the length of its projection over that of `whole`."""
    square = float(whole @ whole)
    return float(part @ whole) / square if square else 0.0
