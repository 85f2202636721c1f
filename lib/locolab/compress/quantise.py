"""Few-bit codes for kept values: shared magnitude levels, and the public code's four bins.

Everything here sees only kept values, in chunk order, with entries of dead chunks left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locolab.compress.spec import WIRE_LIMIT

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]

TEMPLAR_BINS = 4
TEMPLAR_SPAN = 6  # standard deviations that the bins cover
SUM_BITS = 40  # resolution of the sums below the largest magnitude that enters them
LIMB_BITS = 20  # the sums are kept in two parts
_LIMB = 2.0**LIMB_BITS


@dataclass(frozen=True)
class Quantised:
    """Codes of the values, and the fp32 numbers a receiver needs to turn them back."""

    codes: Codes
    levels: Floats


def class_means(magnitudes: NDArray[Any], label: NDArray[Any], n_labels: int) -> Floats:
    """Return the mean magnitude of each label as fp32; 0.0 for a label nobody has.

    The sums do not depend on the order of the entries, so every backend can get the same bits: each
    magnitude becomes an integer multiple of 2**-41 of the power of two above its label's largest one
    (exact within 16 binades of it), the integers are added exactly, and the sum is divided in float64.

    >>> class_means(np.array([1.0, 2.0, 5.0], np.float32), np.array([0, 0, 2]), 3).tolist()
    [1.5, 0.0, 5.0]
    """
    wide = magnitudes.astype(np.float64)
    largest = np.zeros(n_labels)
    np.maximum.at(largest, label, wide)
    exponent = np.frexp(largest)[1]
    units = np.rint(np.ldexp(wide, SUM_BITS + 1 - exponent[label]))
    high = np.floor(units / _LIMB)
    # Two limbs of at most 21 bits: float64 adds up to 2**32 of them without rounding.
    total = np.bincount(label, high, n_labels) * _LIMB + np.bincount(label, units - high * _LIMB, n_labels)
    mean = total / np.maximum(np.bincount(label, minlength=n_labels), 1)
    return np.minimum(np.ldexp(mean, exponent - SUM_BITS - 1), WIRE_LIMIT).astype(np.float32)


def magnitude_codes(values: Floats, group: NDArray[Any], n_groups: int, bits: int) -> Quantised:
    """Return sign-and-magnitude codes: bit `bits - 1` is the sign, the bits below it name the level.

    bits=1: one level, the mean of |v| over the group. bits=2: entries with |v| >= that mean are high, and
    the levels are the means of both classes. bits=3: each class is split once more at its own mean. Levels
    are fp32 (n_groups, 2**(bits-1)), ascending where used; an empty class has 0.0. Levels above 1e30, the
    largest number a payload may carry, become 1e30: error feedback keeps the rest.

    >>> q = magnitude_codes(np.array([4, -1, 2, -5], np.float32), np.zeros(4, int), 1, bits=2)
    >>> q.codes.tolist(), q.levels.tolist()  # mean |v| is 3: 4 and 5 are high, 1 and 2 are low
    ([1, 2, 0, 3], [[1.5, 4.5]])
    """
    magnitudes = np.abs(values)
    label = np.asarray(group, np.int64)
    levels = class_means(magnitudes, label, n_groups)
    for depth in range(1, bits):
        label = 2 * label + (magnitudes >= levels[label])
        levels = class_means(magnitudes, label, n_groups << depth)
    classes = 1 << (bits - 1)
    codes = (label % classes + classes * (values < 0)).astype(np.uint8)
    return Quantised(codes, levels.reshape(n_groups, classes))


def magnitude_table(levels: Floats) -> Floats:
    """Return the fp32 value of every sign-and-magnitude code, a row for each group; zero is always +0.0.

    >>> magnitude_table(np.array([[1.5, 4.5]], np.float32)).tolist()
    [[1.5, 4.5, -1.5, -4.5]]
    """
    return np.concatenate([levels, -levels], axis=1) + np.float32(0)


def templar_codes(values: Floats) -> Quantised:
    """Return 2-bit codes of one tensor's values, given in position order, as the public code makes them.

    One mean, one scale of 1.5 standard deviations and four bins for the whole tensor (tplr-ai/templar
    v2.1.3, src/tplr/compress.py). Statistics are float64, summed left to right. levels is fp32 [5]: the
    mean, then each bin's mean distance from it (0.0 for an empty bin).

    >>> q = templar_codes(np.array([-2, -1, 1, 2], np.float32))
    >>> q.codes.tolist(), q.levels.tolist()  # sd 1.83, bin width 2.74: two of four bins are used
    ([1, 2, 2, 3], [0.0, 0.0, -2.0, 0.0, 2.0])
    """
    wide = values.astype(np.float64)
    count = len(wide)
    mean = _running_sum(wide) / max(count, 1)
    centred = wide - mean
    scale = 1.0
    if count > 1:
        deviation = np.sqrt(_running_sum(centred * centred)) / np.sqrt(count - 1)
        scale = TEMPLAR_SPAN * deviation / TEMPLAR_BINS
        scale = scale if np.isfinite(scale) and scale > 0 else 1.0
    offset = TEMPLAR_BINS // 2
    codes = np.clip(np.rint(centred / scale + offset), 0, TEMPLAR_BINS - 1).astype(np.uint8)
    bins = [centred[codes == label] for label in range(TEMPLAR_BINS)]
    book = [_running_sum(entries) / max(len(entries), 1) for entries in bins]
    levels = np.clip([mean, *book], -WIRE_LIMIT, WIRE_LIMIT).astype(np.float32)
    return Quantised(codes, levels + np.float32(0))


def templar_table(levels: Floats) -> Floats:
    """Return the fp32 values of the public code's four 2-bit codes: mean plus codebook entry."""
    return levels[0] + levels[1:] + np.float32(0)


def _running_sum(values: NDArray[np.float64]) -> float:
    return float(np.cumsum(values)[-1]) if len(values) else 0.0
