"""LossScore: how much a peer's update, applied alone in a small step, lowers the loss on a few sequences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locolab.gauntlet.positions import FlatUpdate
from locolab.train import FlatModel
from locolab.train.flat import Row

WORST = -100.0
"""The gain of an update after which the loss is huge or no number: beyond it one is as bad as another."""

Windows = NDArray[np.int64]


@dataclass(frozen=True)
class Gains:
    """What one update is worth: relative loss drops on the peer's assigned data and on random data."""

    own: float
    random: float


def assigned_work(previous: float, own_gain: float, random_gain: float, alpha: float = 0.05) -> float:
    """Return the moving average of +1 (gained more on assigned than on random data) and -1 (did not).

    (1 - alpha) * previous + alpha * sign; equal gains count as -1, and so does NaN. Who trains the assigned
    data climbs towards 1, who trains anything else hovers around 0 or falls (arXiv 2505.21684;
    tplr-ai/templar v2.1.3, neurons/validator.py).

    >>> assigned_work(0.0, own_gain=0.2, random_gain=0.1), assigned_work(0.0, 0.1, 0.1)
    (0.05, -0.05)
    """
    return (1 - alpha) * previous + alpha * (1.0 if own_gain > random_gain else -1.0)


def relative_gain(before: float, after: float) -> float:
    """Return (before - after) / before, no less than `WORST`, which also stands for what is no number.

    >>> relative_gain(4.0, 3.0), relative_gain(4.0, float("nan"))
    (0.25, -100.0)
    """
    gain = (before - after) / before if before > 0 else math.nan
    return max(gain, WORST) if math.isfinite(gain) else WORST


@torch.no_grad()
def loss_scores(
    model: FlatModel,
    theta: Tensor,
    updates: Mapping[int, FlatUpdate],
    own: Mapping[int, Windows],
    random: Windows,
    step: float,
) -> dict[int, Gains]:
    """Return every peer's gains from theta - step * update, on the same windows before and after.

    `own` has each peer's windows, all of one shape, `random` those that everybody shares, [n, context + 1].
    `theta` is loaded once into the model's rows; an update is added where it has positions and taken out
    again exactly. As many peers as the model has rows are computed side by side, which changes no bit.
    L(theta) - L(theta - step * update): arXiv 2505.21684; relative to L(theta) as in tplr-ai/templar v2.1.3,
    neurons/validator.py.
    """
    model.load(theta, len(model.rows))
    before = model.loss(random).item()
    peers, gains = list(updates), dict[int, Gains]()
    for first in range(0, len(peers), len(model.rows)):
        group = peers[first : first + len(model.rows)]
        assigned = np.stack([own[peer] for peer in group])
        shared = np.broadcast_to(random, (len(group), *random.shape)).copy()
        own_before = model.losses(assigned).tolist()
        with _applied(model.rows, theta, [updates[peer] for peer in group], step):
            own_after, after = model.losses(assigned).tolist(), model.losses(shared).tolist()
        for peer, *losses, common in zip(group, own_before, own_after, after, strict=True):
            gains[peer] = Gains(relative_gain(*losses), relative_gain(before, common))
    return gains


@contextmanager
def _applied(
    rows: Sequence[Row], theta: Tensor, updates: Sequence[FlatUpdate], step: float
) -> Iterator[None]:
    """Subtract step * update from each row; afterwards the touched coordinates are theta's, bit for bit."""
    touched = [torch.from_numpy(update.positions) for update in updates]
    try:
        for row, positions, update in zip(rows, touched, updates, strict=False):
            row.vector.index_add_(0, positions, torch.from_numpy(update.values), alpha=-step)
        yield
    finally:
        for row, positions in zip(rows, touched, strict=False):
            row.vector[positions] = theta[positions]
