"""What one peer sends in one round: positions, codes and levels of every tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from locolab.compress import kernels
from locolab.compress.chunks import IntArray
from locolab.compress.part import Part
from locolab.compress.spec import CompressionSpec


@dataclass(frozen=True, eq=False)
class SparseUpdate:
    """A compressed pseudo-gradient; immutable, every accessor returns a copy.

    Build it with `compress` or `decode`. Two updates are equal if spec, shapes and content are; `backend`
    and `backend_reason` (which implementation made it, and why that one) do not count.
    """

    spec: CompressionSpec
    _shapes: Mapping[str, torch.Size]
    _parts: Mapping[str, Part]
    backend: str
    backend_reason: str

    @property
    def shapes(self) -> dict[str, torch.Size]:
        """Shape of every tensor, in the order `dense` follows."""
        return dict(self._shapes)

    @property
    def nonfinite(self) -> int:
        """Number of chunks that were not finite and therefore not sent."""
        return sum(int(part.broken.sum()) for part in self._parts.values())

    @property
    def n_kept(self) -> int:
        """Number of entries sent, those of dead chunks included."""
        return sum(len(part.local) for part in self._parts.values())

    @property
    def numel(self) -> int:
        """Number of elements of all tensors."""
        return sum(part.geometry.numel for part in self._parts.values())

    def part(self, name: str) -> Part:
        """Return the tensor's raw content, for codecs and kernels; treat its arrays as read-only."""
        return self._parts[name]

    def positions(self, name: str) -> torch.Tensor:
        """Return the row-major flat indices of the kept entries, int64, ascending."""
        part = self._parts[name]
        return torch.from_numpy(np.sort(part.geometry.flat(part.local)))

    def values(self, name: str) -> torch.Tensor:
        """Return the values a receiver adds, fp32, in the order of `positions`."""
        part = self._parts[name]
        return torch.from_numpy(part.values(self.spec)[_position_order(part)])

    def codes(self, name: str) -> torch.Tensor:
        """Return the codes, uint8, in the order of `positions`; empty for quantizer "none".

        "magnitude": the highest of `bits` bits is the sign, the others number the level. "templar": the bin.
        """
        part = self._parts[name]
        return torch.from_numpy(part.codes[_position_order(part)] if len(part.codes) else part.codes.copy())

    def levels(self, name: str) -> torch.Tensor:
        """Return what codes stand for, fp32.

        "magnitude": (groups, 2**(bits-1)) ascending where used; "templar": [5], the mean and then the
        codebook; "none": empty.
        """
        return torch.from_numpy(self._parts[name].levels.copy())

    def norms(self) -> dict[str, float]:
        """Return the L2 norm of every tensor's values, float64, from how often each value was sent."""
        return {name: _norm(self._parts[name], self.spec) for name in self._shapes}

    def sections(self, codec: str | None = None) -> dict[str, int]:
        """Return the bytes of positions, values, scales and header in a codec; they add up to its payload."""
        from locolab.compress import wire  # the wire format is built on this class

        return wire.sections(self, codec)

    def dense(self) -> dict[str, torch.Tensor]:
        """Return every tensor in full, fp32, zero where nothing was sent."""
        from locolab.compress import aggregation  # which is built on this class; an average of one update

        return {name: aggregation.average([self], name, "mean", [np.float32(1)]) for name in self._shapes}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseUpdate):
            return NotImplemented
        same = self.spec == other.spec and self._shapes == other._shapes
        return same and all(_equal(part, other._parts[name]) for name, part in self._parts.items())

    __hash__ = None  # type: ignore[assignment]


def _position_order(part: Part) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.argsort(part.geometry.flat(part.local))


def _equal(a: Part, b: Part) -> bool:
    fields = ("local", "codes", "levels", "exact", "dead", "broken")
    return all(np.array_equal(getattr(a, field), getattr(b, field)) for field in fields)


def _norm(part: Part, spec: CompressionSpec) -> float:
    """Return the norm of what a part sends: an exact sum, so that it does not depend on any order."""
    values = part.table(spec).astype(np.float64)
    if not len(values):
        return float(np.sqrt(np.sum(np.square(part.exact, dtype=np.float64))))
    fused = kernels.fused_sparse()
    count = fused.count_codes if fused else _count_codes
    return math.sqrt(math.fsum((count(part, spec, *values.shape) * values**2).ravel()))


def _count_codes(part: Part, spec: CompressionSpec, n_rows: int, n_codes: int) -> IntArray:
    live = part.live()
    cells = part.geometry.chunk_of[live] // part.span(spec) * n_codes + part.codes[live]
    return np.bincount(cells, minlength=n_rows * n_codes).reshape(n_rows, n_codes)
