"""Position overlap: two peers who trained on different data rarely pick the same positions; a copy does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from locolab.compress import SparseUpdate

_ROWS = 1 << 18  # positions compared in one product: bounds its memory, and counts stay exact in fp32


def overlap(a: SparseUpdate, b: SparseUpdate) -> float:
    """Return |A and B| / |A| of the positions that two updates name over all tensors; 0.0 if A is empty.

    Raises ValueError unless both have the same names and shapes.

    >>> import torch
    >>> from locolab.compress import CompressionSpec, compress
    >>> spec = CompressionSpec(chunk=4, k=2)
    >>> def of(*numbers):
    ...     return compress({"w": torch.tensor(numbers)}, {"w": torch.zeros(4)}, spec)
    >>> overlap(of(5.0, 4.0, 0.0, 0.0), of(0.0, 9.0, 8.0, 0.0))
    0.5
    """
    if a.shapes != b.shapes:
        raise ValueError("the two updates have other names or shapes")
    pairs = [(a.positions(name).numpy(), b.positions(name).numpy()) for name in a.shapes]
    named = sum(len(own) for own, _ in pairs)
    shared = sum(int(np.isin(own, other, assume_unique=True).sum()) for own, other in pairs)
    return shared / named if named else 0.0


def overlaps(sets: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return |A_i and A_j| / |A_i| for all pairs of n sets of distinct positions, [n, n].

    One sort of everything, then one product over the positions that more than one set names: the public
    code compares every pair densely instead (tplr-ai/templar v2.1.3, src/tplr/neurons.py).

    >>> overlaps([np.array([0, 1, 2, 3]), np.array([2, 3, 4, 5]), np.array([9])]).tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    shared, n = np.zeros((len(sets), len(sets))), len(sets)
    if any(map(len, sets)):
        packed = np.concatenate([positions * n + owner for owner, positions in enumerate(sets)])
        packed.sort()
        position, owner = np.divmod(packed, n)
        repeats = position[1:] == position[:-1]
        several = np.append(False, repeats) | np.append(repeats, False)
        row = np.cumsum(~np.append(False, repeats)[several]) - 1
        for start in range(0, row[-1] + 1 if len(row) else 0, _ROWS):
            first, last = np.searchsorted(row, [start, start + _ROWS])
            named = np.zeros((min(_ROWS, row[-1] + 1 - start), n), np.float32)
            named[row[first:last] - start, owner[several][first:last]] = 1
            shared += named.T @ named
    sizes = np.array([len(positions) for positions in sets], np.float64)
    np.fill_diagonal(shared, sizes)  # positions nobody shares were left out
    return shared / np.maximum(sizes, 1)[:, None]


def copied(matrix: NDArray[np.float64], uploaded: Sequence[float]) -> list[float]:
    """Return for each submission its largest overlap with one that was uploaded strictly before it.

    The earlier one by the bucket's clock is the original: nobody can copy what is not there yet, and a clock
    that peers do not own cannot be argued with. At equal times neither is held against the other: a copier
    who hits the same tick escapes this check, but no original is ever punished for being copied. What no
    clock can tell is who trained whose data first: assignments are public, and positions alone are compared.

    >>> copied(np.array([[1.0, 0.9], [0.9, 1.0]]), uploaded=[10.0, 12.0])
    [0.0, 0.9]
    """
    times = np.asarray(uploaded, np.float64)
    earlier = times[None, :] < times[:, None]
    return [float(number) for number in np.where(earlier, matrix, 0.0).max(axis=1, initial=0.0)]
