"""Inner steps: AdamW on the batches of peers that train side by side, and what each then has to say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from locolab.train.flat import FlatModel
from locolab.train.spec import TrainSpec


def learning_rate(spec: TrainSpec, step: int) -> float:
    """Return the learning rate of global inner step `step` (round * local_steps + step in the round).

    Linear warm-up over the first `warmup` of all steps, then a cosine down to `final_lr * inner_lr` at the
    last one. It depends on the step alone, so that a peer who skipped a round is not behind.

    >>> spec = TrainSpec(inner_lr=1.0, rounds=10, local_steps=10, warmup=0.05)
    >>> [round(learning_rate(spec, step), 2) for step in (0, 4, 5, 52, 99)]
    [0.2, 1.0, 1.0, 0.55, 0.1]
    """
    warm = round(spec.warmup * spec.total_steps)
    if step < warm:
        return spec.inner_lr * (step + 1) / warm
    progress = (step - warm) / max(1, spec.total_steps - 1 - warm)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return spec.inner_lr * (spec.final_lr + (1 - spec.final_lr) * cosine)


Moments = dict[str, Tensor]
"""AdamW's step count and both moments; empty before the first step."""


class AdamW:
    """AdamW with norm clipping and the schedule above, for several parameters, each on its own.

    The moments belong to whoever hands them in and are changed in place.
    """

    def __init__(self, spec: TrainSpec, parameters: Sequence[Parameter], moments: Sequence[Moments]) -> None:
        self._spec = spec
        self._parameters = parameters
        self._optimizer = torch.optim.AdamW(
            parameters, betas=spec.betas, weight_decay=spec.weight_decay, fused=True
        )
        self._optimizer.state.update(zip(parameters, moments, strict=True))

    def step(self, step: int) -> None:
        """Clip every parameter's gradient and apply it with the learning rate of global inner step `step`."""
        for parameter in self._parameters:
            torch.nn.utils.clip_grad_norm_([parameter], self._spec.clip)
        self._optimizer.param_groups[0]["lr"] = learning_rate(self._spec, step)
        self._optimizer.step()


def reset_if_not_finite(moments: Moments) -> bool:
    """Return whether the moments held a NaN or infinity; if so they start again from zero.

    Without this one overflow would make every later pseudo-gradient of the peer worthless.
    """
    if all(torch.isfinite(tensor).all() for tensor in moments.values()):
        return False
    moments.clear()
    return True


def pseudo_gradients(
    spec: TrainSpec,
    model: FlatModel,
    moments: Sequence[Moments],
    theta: Tensor,
    batches: Iterable[NDArray[np.int64]],
    first_step: int,
) -> tuple[list[Tensor], list[list[float]]]:
    """Return theta - theta_end of R peers after one AdamW step per batch, flat, and each one's losses.

    `moments` are the peers' own; a batch is [R, n, context + 1] tokens, a loss nats per token. `first_step`
    is the global inner step of the first batch; `theta` is left as it is. Delta_r of arXiv 2603.08163,
    equation 1: subtracting it from theta reproduces the peer's parameters.
    """
    rows = model.load(theta, len(moments))
    adamw = AdamW(spec, [row.parameter for row in rows], moments)
    losses = []
    for offset, windows in enumerate(batches):
        losses.append(model.backward(windows))
        adamw.step(first_step + offset)
    return [theta - row.vector for row in rows], [list(own) for own in zip(*losses, strict=True)]


def gradients(
    model: FlatModel, theta: Tensor, windows: NDArray[np.int64]
) -> tuple[list[Tensor], list[list[float]]]:
    """Return R peers' gradients at theta on one batch each, flat and not clipped, and the losses.

    `windows` is [R, n, context + 1] tokens; a peer's losses are a list of one number (nats/token).
    """
    rows = model.load(theta, len(windows))
    losses = model.backward(windows)
    return [row.gradient.clone() for row in rows], [[loss] for loss in losses]
