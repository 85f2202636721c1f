"""Inner steps: AdamW on one peer's batches, and what the peer has to say afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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


class AdamW:
    """AdamW with norm clipping and the schedule above; its moments belong to whoever holds the object."""

    def __init__(self, spec: TrainSpec, parameter: torch.nn.Parameter) -> None:
        self._spec = spec
        self._parameter = parameter
        self._optimizer = torch.optim.AdamW(
            [parameter], betas=spec.betas, weight_decay=spec.weight_decay, fused=True
        )

    def step(self, step: int) -> None:
        """Clip the parameter's gradient and apply it with the learning rate of global inner step `step`."""
        torch.nn.utils.clip_grad_norm_([self._parameter], self._spec.clip)
        self._optimizer.param_groups[0]["lr"] = learning_rate(self._spec, step)
        self._optimizer.step()

    def reset_if_not_finite(self) -> bool:
        """Return whether the moments held a NaN or infinity; if so they start again from zero.

        Without this one overflow would make every later pseudo-gradient of the peer worthless.
        """
        if all(torch.isfinite(tensor).all() for tensor in self.state().values()):
            return False
        self._optimizer.state.clear()
        return True

    def state(self) -> dict[str, Tensor]:
        """Return the step count and both moments; empty before the first step."""
        return dict(self._optimizer.state.get(self._parameter, {}))

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` returned."""
        self._optimizer.state.clear()
        if state:
            self._optimizer.state[self._parameter] = dict(state)


def pseudo_gradient(
    model: FlatModel, adamw: AdamW, theta: Tensor, batches: Iterable[NDArray[np.int64]], first_step: int
) -> tuple[Tensor, list[float]]:
    """Return theta - theta_end after one AdamW step per batch, flat, and the losses (nats/token).

    `first_step` is the global inner step of the first batch; `theta` is left as it is. Delta_r of
    arXiv 2603.08163, equation 1: subtracting it from theta reproduces the peer's parameters.
    """
    model.vector.copy_(theta)
    losses = []
    for offset, windows in enumerate(batches):
        losses.append(model.backward(windows))
        adamw.step(first_step + offset)
    return theta - model.vector, losses


def gradient(model: FlatModel, theta: Tensor, windows: NDArray[np.int64]) -> tuple[Tensor, list[float]]:
    """Return the gradient at theta on one batch, flat and not clipped, and the loss (nats/token)."""
    model.vector.copy_(theta)
    loss = model.backward(windows)
    return model.gradient.clone(), [loss]
