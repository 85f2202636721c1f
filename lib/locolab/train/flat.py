"""A model over one flat vector: parameters and gradients are views, so a step is a few vector operations."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import cross_entropy


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

    `parameter` is the flat vector as one `Parameter`, with `.grad` allocated once; AdamW and norm clipping on
    it equal those on the separate tensors, since both treat coordinates alike (weight decay included, as in
    tplr-ai/templar v2.1.3, neurons/trainer.py).
    """

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        named = dict(module.named_parameters())
        self.shapes = {name: tensor.shape for name, tensor in named.items()}
        self.parameter = Parameter(flatten({name: tensor.detach() for name, tensor in named.items()}))
        self.parameter.grad = torch.zeros_like(self.parameter)
        values, gradients = (views(v, self.shapes) for v in (self.parameter.detach(), self.parameter.grad))
        for name, tensor in named.items():
            tensor.data = values[name]
            tensor.grad = gradients[name]

    @property
    def vector(self) -> Tensor:
        """The parameters as a flat vector, without autograd; writing to it changes the model."""
        return self.parameter.detach()

    @property
    def gradient(self) -> Tensor:
        """The gradient as a flat vector; writing to it changes what an optimiser sees."""
        assert self.parameter.grad is not None
        return self.parameter.grad

    def loss(self, windows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss in nats per token on windows [n, context + 1] of tokens."""
        tokens = torch.from_numpy(windows)
        logits = self.module(input_ids=tokens[:, :-1]).logits
        return cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())

    def backward(self, windows: NDArray[np.int64]) -> float:
        """Return the loss on `windows` and leave its gradient, alone, in `gradient`."""
        self.gradient.zero_()
        loss = self.loss(windows)
        loss.backward()
        return loss.item()


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
