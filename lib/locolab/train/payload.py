"""What a pseudo-gradient looks like on the wire: every number of it, or the compressed update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import safetensors
import safetensors.numpy
import torch
from torch import Tensor

from locolab import compress
from locolab.compress import CompressionSpec, PayloadError
from locolab.train.flat import flatten, views
from locolab.train.spec import TrainSpec

Shapes = Mapping[str, torch.Size]


class Update(Protocol):
    """What a payload decodes to."""

    @property
    def nonfinite(self) -> int:
        """How many chunks of the pseudo-gradient the sender could not use."""

    @property
    def n_kept(self) -> int:
        """How many values it carries."""

    def dense(self) -> dict[str, Tensor]:
        """Return the update as full tensors."""


class Wire(Protocol):
    """How peers write their payloads and everybody reads them."""

    def feedback(self) -> dict[str, Tensor]:
        """Return the error feedback of a peer that has sent nothing yet."""

    def pack(self, delta: Tensor, feedback: dict[str, Tensor], draw: int) -> bytes:
        """Return the payload of a flat pseudo-gradient; `feedback` is brought up to date in place."""

    def unpack(self, payload: bytes) -> Update:
        """Return what a payload says; raises PayloadError on anything not well formed."""

    def combine(self, updates: Sequence[Any]) -> Tensor:
        """Return the aggregate of at least one update, flat, added in the given order."""


class DenseUpdate:
    """Every number of a pseudo-gradient."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors
        self.nonfinite = 0
        self.n_kept = sum(tensor.numel() for tensor in tensors.values())

    def dense(self) -> dict[str, Tensor]:
        """Return the tensors, by name."""
        return self._tensors


class DenseWire:
    """Full tensors as safetensors bytes, 32 bits a parameter; there is nothing to remember."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        numel = sum(shape.numel() for shape in shapes.values())
        self._length = len(self.pack(torch.zeros(numel), {}, 0))

    def feedback(self) -> dict[str, Tensor]:
        """Return nothing: what is sent in full leaves no rest."""
        return {}

    def pack(self, delta: Tensor, feedback: dict[str, Tensor], draw: int) -> bytes:
        """Return the tensors' bytes; they depend on the values alone."""
        return bytes(safetensors.numpy.save({k: v.numpy() for k, v in views(delta, self._shapes).items()}))

    def unpack(self, payload: bytes) -> DenseUpdate:
        """Return the tensors; raises PayloadError for other names, shapes, types, and for NaN or infinity."""
        if not isinstance(payload, bytes) or len(payload) != self._length:
            raise PayloadError(f"a dense payload of this model has {self._length} bytes")
        try:
            arrays = safetensors.numpy.load(payload)
        except safetensors.SafetensorError as error:
            raise PayloadError(f"not a safetensors payload: {error}") from error
        tensors = {}
        for name, shape in self._shapes.items():
            array = arrays.get(name)
            if array is None or array.shape != tuple(shape) or array.dtype != np.float32:
                raise PayloadError(f"tensor {name} is missing or is not float32 {tuple(shape)}")
            if not np.isfinite(array).all():
                raise PayloadError(f"tensor {name} holds values that are not finite")
            tensors[name] = torch.from_numpy(array)
        return DenseUpdate(tensors)

    def combine(self, updates: Sequence[DenseUpdate]) -> Tensor:
        """Return the mean, summed in the given order and divided once."""
        total = flatten(updates[0].dense())
        for update in updates[1:]:
            total += flatten(update.dense())
        return total / len(updates)


class SparseWire:
    """Chunk-wise top-k with error feedback, quantised and encoded by `locolab.compress`."""

    def __init__(self, shapes: Shapes, spec: TrainSpec, compression: CompressionSpec) -> None:
        self._shapes = shapes
        self._spec = spec
        self._compression = compression

    def feedback(self) -> dict[str, Tensor]:
        """Return zeros: nothing has been held back yet."""
        return {name: torch.zeros(shape) for name, shape in self._shapes.items()}

    def pack(self, delta: Tensor, feedback: dict[str, Tensor], draw: int) -> bytes:
        """Return the encoded update; `draw` seeds the random-k control, which must not repeat itself."""
        tensors = views(delta, self._shapes)
        if self._spec.selection == "random":
            scores = compress.RandomScores(draw)
            update = compress.compress(tensors, feedback, self._compression, "reference", select=scores)
        else:
            update = compress.compress(tensors, feedback, self._compression)
        return compress.encode(update)

    def unpack(self, payload: bytes) -> compress.SparseUpdate:
        """Return the decoded update; raises PayloadError on anything not well formed."""
        return compress.decode(payload, dict(self._shapes), self._compression)

    def combine(self, updates: Sequence[compress.SparseUpdate]) -> Tensor:
        """Return `compress.aggregate` by the rule and clipping of the run."""
        return flatten(compress.aggregate(list(updates), rule=self._spec.rule, clip=self._spec.norm_clip))


def wire_for(spec: TrainSpec, shapes: Shapes) -> Wire:
    """Return how the peers of `spec` write their payloads."""
    if spec.compression is None:
        return DenseWire(shapes)
    return SparseWire(shapes, spec, spec.compression)
