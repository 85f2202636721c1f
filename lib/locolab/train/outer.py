"""Outer steps: what the swarm does to theta with the mean of what its peers sent."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from locolab.train.inner import AdamW, Moments
from locolab.train.spec import TrainSpec


class Outer(Protocol):
    """An optimiser of theta (a flat `Parameter`, changed in place)."""

    def step(self, update: Tensor, step: int) -> None:
        """Apply a flat update; `step` is the global inner step of the exchange."""

    def state(self) -> dict[str, Tensor]:
        """Return what has to survive a restart."""

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` returned."""


class OuterSGD:
    """theta <- theta - outer_lr * update, with (Nesterov) momentum if asked: torch.optim.SGD.

    With outer_lr 1 and no momentum, dense pseudo-gradients give the average of the peers' parameters.
    DiLoCo (arXiv 2311.08105, section 2) used outer_lr 0.7 and Nesterov momentum 0.9.
    """

    def __init__(self, spec: TrainSpec, theta: Parameter) -> None:
        self._theta = theta
        self._optimizer = torch.optim.SGD(
            [theta], lr=spec.outer_lr, momentum=spec.outer_momentum, nesterov=spec.nesterov
        )

    def step(self, update: Tensor, step: int) -> None:
        """Apply the mean pseudo-gradient; the schedule of the inner steps plays no part."""
        self._theta.grad = update
        self._optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """Return the momentum buffer, if there is one."""
        state = self._optimizer.state.get(self._theta, {})
        return {name: tensor for name, tensor in state.items() if tensor is not None}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` returned."""
        self._optimizer.state[self._theta] = dict(state)


class OuterAdamW:
    """Data-parallel AdamW: the mean gradient of every inner step, clipped, applied to theta itself."""

    def __init__(self, spec: TrainSpec, theta: Parameter) -> None:
        self._theta = theta
        self._spec = spec
        self._moments: Moments = {}

    def step(self, update: Tensor, step: int) -> None:
        """Apply the mean gradient with the learning rate of global inner step `step`."""
        self._theta.grad = update
        AdamW(self._spec, [self._theta], [self._moments]).step(step)

    def state(self) -> dict[str, Tensor]:
        """Return the step count and both moments."""
        return self._moments

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` returned."""
        self._moments = state


def outer_for(spec: TrainSpec, theta: Parameter) -> Outer:
    """Return the optimiser that the method of `spec` applies to theta."""
    return OuterAdamW(spec, theta) if spec.method == "adamw_dp" else OuterSGD(spec, theta)
