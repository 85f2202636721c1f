"""Where chunks lie in a tensor, and how chunk order and row-major order map to each other.

Every tensor is looked at as a matrix: 2-D as it is, 1-D and 0-d as one row, more dimensions as
(shape[0], -1). A chunk is a block of that matrix, `edge` x `edge` (1 x `chunk` for one row); blocks at the
right and bottom are smaller. Chunks are numbered row-major over blocks. "Chunk order" lists kept entries
chunk by chunk, ascending inside each; "position order" lists them by row-major index of the tensor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from locolab.compress.spec import CompressionSpec

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Region:
    """Equal blocks that together fill one rectangle: the full ones, or those of an edge or the corner."""

    block_rows: slice
    block_columns: slice
    rows: slice
    columns: slice
    height: int
    width: int

    @property
    def size(self) -> int:
        """Elements of each block."""
        return self.height * self.width

    @property
    def count(self) -> int:
        """Number of blocks."""
        down = self.block_rows.stop - self.block_rows.start
        return down * (self.block_columns.stop - self.block_columns.start)

    def blocks(self, matrix: torch.Tensor) -> torch.Tensor:
        """Return a view of `matrix` as (blocks down, blocks across, height, width)."""
        part = matrix[self.rows, self.columns]
        return part.unflatten(1, (-1, self.width)).unflatten(0, (-1, self.height)).transpose(1, 2)


@dataclass(frozen=True)
class Geometry:
    """The chunks of one tensor under one spec; build it with `geometry`.

    By hand, chunks of 4 in a 3 x 3 matrix: one full 2 x 2 block and three smaller ones.

    >>> g = geometry((3, 3), CompressionSpec(chunk=4, k=2))
    >>> g.sizes.tolist(), g.kept.tolist()
    ([4, 2, 2, 1], [2, 1, 1, 1])
    >>> g.flat(np.array([0, 3, 1, 0, 0])).tolist()  # local indices in chunk order -> flat positions
    [0, 4, 5, 6, 8]
    """

    rows: int
    columns: int
    height: int  # of a full block
    width: int
    chunk: int
    k: int

    @property
    def numel(self) -> int:
        """Elements of the tensor."""
        return self.rows * self.columns

    @property
    def grid(self) -> tuple[int, int]:
        """Blocks down and across."""
        return -(-self.rows // self.height), -(-self.columns // self.width)

    @property
    def n_chunks(self) -> int:
        """Number of chunks; 0 for an empty tensor."""
        return math.prod(self.grid)

    def n_kept(self) -> int:
        """Return the number of kept entries without building any array."""
        return sum(region.count * entries_kept(region.size, self.chunk, self.k) for region in self.regions())

    def regions(self) -> Iterator[Region]:
        """Yield the up to four rectangles of equal blocks: full, right edge, bottom edge, corner."""
        for block_rows, rows, height in _cuts(self.rows, self.height):
            for block_columns, columns, width in _cuts(self.columns, self.width):
                yield Region(block_rows, block_columns, rows, columns, height, width)

    def ids(self, region: Region) -> IntArray:
        """Return the chunk numbers of a region's blocks, row-major."""
        down = np.arange(region.block_rows.start, region.block_rows.stop, dtype=np.int64)
        across = np.arange(region.block_columns.start, region.block_columns.stop, dtype=np.int64)
        return (down[:, None] * self.grid[1] + across[None, :]).ravel()

    @cached_property
    def sizes(self) -> IntArray:
        """Elements of each chunk."""
        return self._heights * self._widths

    @cached_property
    def kept(self) -> IntArray:
        """Entries each chunk keeps."""
        table = {region.size: entries_kept(region.size, self.chunk, self.k) for region in self.regions()}
        kept = np.zeros(self.n_chunks, np.int64)
        for size, count in table.items():
            kept[self.sizes == size] = count
        return kept

    @cached_property
    def starts(self) -> IntArray:
        """Offset of each chunk's first entry in chunk order, and the total at the end."""
        return np.concatenate([[0], np.cumsum(self.kept)])

    @cached_property
    def chunk_of(self) -> IntArray:
        """Chunk number of every entry in chunk order."""
        return np.repeat(np.arange(self.n_chunks, dtype=np.int64), self.kept)

    def flat(self, local: NDArray[Any]) -> IntArray:
        """Return row-major tensor positions of entries in chunk order, from indices inside their chunks."""
        chunk = self.chunk_of
        down, across = np.divmod(chunk, max(self.grid[1], 1))
        row, column = np.divmod(local.astype(np.int64), self._widths[chunk])
        return (down * self.height + row) * self.columns + across * self.width + column

    @cached_property
    def _heights(self) -> IntArray:
        return np.repeat(_extents(self.rows, self.height), self.grid[1])

    @cached_property
    def _widths(self) -> IntArray:
        return np.tile(_extents(self.columns, self.width), self.grid[0])


def entries_kept(size: int, chunk: int, k: int) -> int:
    """Return how many entries a chunk of `size` elements keeps: max(1, k * size // chunk).

    >>> [entries_kept(size, chunk=4096, k=64) for size in (4096, 4095, 100, 1)]
    [64, 63, 1, 1]
    """
    return max(1, k * size // chunk)


def geometry(shape: Sequence[int], spec: CompressionSpec) -> Geometry:
    """Return the chunk geometry of a tensor of `shape`; cached."""
    return _geometry(tuple(int(n) for n in shape), spec.chunk, spec.k)


@lru_cache(maxsize=4096)
def _geometry(shape: tuple[int, ...], chunk: int, k: int) -> Geometry:
    edge = math.isqrt(chunk)
    if len(shape) < 2:
        return Geometry(1 if math.prod(shape) else 0, math.prod(shape), 1, chunk, chunk, k)
    rows, columns = (shape[0], math.prod(shape[1:])) if math.prod(shape) else (0, 0)
    return Geometry(rows, columns, edge, edge, chunk, k)


def _cuts(length: int, step: int) -> Iterator[tuple[slice, slice, int]]:
    """Yield (block indices, element indices, extent) of the full blocks along one axis, then of the rest."""
    full = length // step
    if full:
        yield slice(0, full), slice(0, full * step), step
    if length % step:
        yield slice(full, full + 1), slice(full * step, length), length % step


def _extents(length: int, step: int) -> IntArray:
    full, rest = divmod(length, step)
    return np.array([step] * full + [rest] * bool(rest), np.int64)
