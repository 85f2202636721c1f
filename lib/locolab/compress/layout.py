"""The order of everything in a payload, which sender and receiver derive from shapes and spec alone."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from locolab.compress.chunks import Geometry, IntArray, geometry
from locolab.compress.part import level_shape
from locolab.compress.spec import CompressionSpec
from locolab.config import canonical_json


@dataclass(frozen=True)
class Layout:
    """Tensors sorted by name, each with its chunks; chunks and entries are numbered through all of them."""

    spec: CompressionSpec
    shapes: tuple[tuple[str, tuple[int, ...]], ...]  # sorted by name

    @staticmethod
    def of(shapes: Mapping[str, Sequence[int]], spec: CompressionSpec) -> Layout:
        """Return the layout of tensors of these shapes, whatever the order of the dictionary."""
        return Layout(spec, tuple((name, tuple(map(int, shapes[name]))) for name in sorted(shapes)))

    @cached_property
    def geometries(self) -> dict[str, Geometry]:
        """Chunks of every tensor, in payload order."""
        return {name: geometry(shape, self.spec) for name, shape in self.shapes}

    @cached_property
    def n_chunks(self) -> int:
        """Chunks of all tensors."""
        return sum(chunks.n_chunks for chunks in self.geometries.values())

    @cached_property
    def n_entries(self) -> int:
        """Kept entries of all tensors, from arithmetic on shapes only."""
        return sum(chunks.n_kept() for chunks in self.geometries.values())

    @cached_property
    def n_levels(self) -> int:
        """Level floats of all tensors."""
        return sum(math.prod(level_shape(chunks, self.spec)) for chunks in self.geometries.values())

    @cached_property
    def kept(self) -> IntArray:
        """Entries of every chunk."""
        return self._joined([chunks.kept for chunks in self.geometries.values()])

    @cached_property
    def sizes(self) -> IntArray:
        """Elements of every chunk."""
        return self._joined([chunks.sizes for chunks in self.geometries.values()])

    def digest(self) -> bytes:
        """Return 16 bytes that name the tensors: SHA-256 of canonical JSON [[name, shape], ...], cut."""
        text = canonical_json([[name, list(shape)] for name, shape in self.shapes])
        return hashlib.sha256(text.encode()).digest()[:16]

    @staticmethod
    def _joined(arrays: list[IntArray]) -> IntArray:
        return np.concatenate([np.zeros(0, np.int64), *arrays])
