"""A model over one flat vector: parameters and gradients are views, so a step is a few vector operations."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from locolab.train import llama

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


def views(vector: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Return named views into a flat vector, in the order of `shapes`; writing to one writes to the vector.

    >>> parts = views(torch.arange(3.0), {"a": torch.Size([2]), "b": torch.Size([])})
    >>> parts["a"].tolist(), parts["b"].item()
    ([0.0, 1.0], 2.0)
    """
    pieces = vector.split([shape.numel() for shape in shapes.values()])
    return {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def flatten(tensors: Mapping[str, Tensor]) -> Tensor:
    """Return the tensors one after the other as a new flat vector."""
    return torch.cat([tensor.flatten() for tensor in tensors.values()])


class FlatModel:
    """The one working model of a process: whoever trains next loads its parameters into it.

    It holds `stack` sets of parameters, the `rows`, so that as many peers can train side by side; `module`,
    `parameter`, `vector` and `gradient` are those of the first. The forward pass is `llama.losses`; what the
    module computes from the same parameters is equal up to rounding.
    """

    def __init__(self, module: LlamaForCausalLM, stack: int = 1) -> None:
        self.module = module
        named = dict(module.named_parameters())
        self.shapes = {name: tensor.shape for name, tensor in named.items()}
        self.rows = [Row(self.shapes) for _ in range(stack)]
        self.vector.copy_(flatten({name: tensor.detach() for name, tensor in named.items()}))
        for name, tensor in named.items():
            tensor.data = self.rows[0].tensors[name].detach()

    @property
    def parameter(self) -> Parameter:
        """The parameters as one flat `Parameter`."""
        return self.rows[0].parameter

    @property
    def vector(self) -> Tensor:
        """The parameters as a flat vector, without autograd; writing to it changes the model."""
        return self.rows[0].vector

    @property
    def gradient(self) -> Tensor:
        """The gradient as a flat vector; writing to it changes what an optimiser sees."""
        return self.rows[0].gradient

    def load(self, theta: Tensor, count: int) -> list[Row]:
        """Return the first `count` rows, with the flat `theta` as their parameters."""
        for row in self.rows[:count]:
            row.vector.copy_(theta)
        return self.rows[:count]

    def loss(self, windows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss in nats per token on windows [n, context + 1] of tokens."""
        return self.losses(windows[None])[0]

    def losses(self, windows: NDArray[np.int64]) -> Tensor:
        """Return the mean losses, [R], of the first R rows, each on its own windows [R, n, context + 1]."""
        rows = [row.tensors for row in self.rows[: len(windows)]]
        return llama.losses(self.module.config, rows, torch.from_numpy(windows))

    def backward(self, windows: NDArray[np.int64]) -> list[float]:
        """Return the `losses` on `windows` and leave their gradients, alone, in the rows."""
        for row in self.rows[: len(windows)]:
            row.gradient.zero_()
        losses = self.losses(windows)
        losses.sum().backward()
        return losses.tolist()


class Row:
    """One set of parameters over one flat vector.

    `parameter` is the vector as one `Parameter`, with `.grad` allocated once; AdamW and norm clipping on
    it equal those on the separate tensors, since both treat coordinates alike (weight decay included, as in
    tplr-ai/templar v2.1.3, neurons/trainer.py). `tensors` are what a loss is computed from: named views of
    the vector whose gradients are views of its gradient.
    """

    def __init__(self, shapes: Mapping[str, torch.Size]) -> None:
        self.vector = torch.zeros(sum(shape.numel() for shape in shapes.values()))
        self.gradient = torch.zeros_like(self.vector)
        self.parameter = Parameter(self.vector)
        self.parameter.grad = self.gradient
        self.tensors = {name: part.requires_grad_() for name, part in views(self.vector, shapes).items()}
        for name, part in views(self.gradient, shapes).items():
            self.tensors[name].grad = part


@contextlib.contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Compute with this many threads and deterministic operations only; afterwards everything is as before.

    The number of threads decides how sums are split, hence the last bits of a result.
    """
    debugging: Any = torch.utils.deterministic  # Any: its setting is a property of the module's class
    threads_before = torch.get_num_threads()
    deterministic_before = torch.are_deterministic_algorithms_enabled()
    fill_before = debugging.fill_uninitialized_memory
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    debugging.fill_uninitialized_memory = False  # else a pass over every new tensor, to find bugs
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(deterministic_before)
        debugging.fill_uninitialized_memory = fill_before
