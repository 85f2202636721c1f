"""The GPU backend's two Triton kernels: a program for each chunk, then one for each group of chunks.

Every operation rounds by itself: both are launched with `enable_fp_fusion=False`, so that no multiplication
and addition become one instruction, which would round once instead of twice. Float64 is used for kept
entries only. Integer sums do not depend on the order in which a GPU adds.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# Triton compiles these functions from their source; what they are given are its own types.
from __future__ import annotations

import triton
import triton.language as tl

from locolab.compress.quantise import LIMB_BITS, SUM_BITS
from locolab.compress.selection import INFINITY_BITS
from locolab.compress.spec import WIRE_LIMIT

_MAGNITUDE = tl.constexpr(0x7FFFFFFF)
_INFINITY = tl.constexpr(INFINITY_BITS)
_LIMIT = tl.constexpr(WIRE_LIMIT)
_SUM_BITS = tl.constexpr(SUM_BITS + 1)
_LIMB_BITS = tl.constexpr(LIMB_BITS)
_LIMB = tl.constexpr(2.0**LIMB_BITS)
_LOW = tl.constexpr((1 << LIMB_BITS) - 1)
_ROUND = tl.constexpr(2.0**52)  # adding and subtracting it rounds a smaller float64 to the nearest integer


@triton.jit
def magnitude(x):
    """Return the integer bits of |x|."""
    return x.to(tl.int32, bitcast=True) & _MAGNITUDE


@triton.jit
def threshold(ranks, size, keep, high):
    """Return the largest number that at least `keep` of the ranks reach, or one that just `keep` do.

    Bisection between 0, which all `size` ranks reach, and `high`, which none does.
    """
    low = tl.full([], 0, tl.int32)
    count = low + size
    while (count != keep) & (high - low > 1):
        middle = low + (high - low) // 2
        reached = tl.sum((ranks >= middle).to(tl.int32), 0)
        enough = reached >= keep
        low = tl.where(enough, middle, low)
        high = tl.where(enough, high, middle)
        count = tl.where(enough, reached, count)
    return low


@triton.jit
def select_chunk(
    delta_ptr, feedback_ptr, local_ptr, value_ptr, position_ptr, peak_ptr,
    decay, origin, columns, height, across, size, keep, first_chunk, chunk_step, first_entry, entry_step,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Add decayed feedback and delta of one chunk, keep the largest entries, store the sum as feedback.

    The chunks of a launch have `size` elements in lines of WIDTH and lie in a grid `across` wide, from flat
    index `origin` of a matrix of `columns`. Chunk and entry numbers grow by one chunk within a line of the
    grid and by `chunk_step` and `entry_step` from line to line. Kept entries come out in ascending order:
    index in the chunk, value (NaN if the chunk is dead), flat position.
    """
    down, right = tl.program_id(0) // across, tl.program_id(0) % across
    corner = origin + (down * height).to(tl.int64) * columns + right * WIDTH
    index = tl.arange(0, BLOCK)
    inside = index < size
    offset = index // WIDTH * columns + index % WIDTH  # 32 bits: half the registers of a position
    delta = tl.load(delta_ptr + corner + offset, mask=inside, other=0.0)
    old = tl.load(feedback_ptr + corner + offset, mask=inside, other=0.0)
    error = old * decay + delta
    bits = magnitude(error)
    peak = tl.max(tl.where(inside, bits, 0), 0)
    broken = peak >= _INFINITY
    to_blame = (magnitude(old) >= _INFINITY) | ((magnitude(delta) < _INFINITY) & (bits >= _INFINITY))
    restored = tl.where(to_blame, 0.0, old)
    tl.store(feedback_ptr + corner + offset, tl.where(broken, restored, error), mask=inside)
    tl.store(peak_ptr + first_chunk + down * chunk_step + right, peak)

    ranks = tl.where(inside, tl.where(broken, 0, bits), -1)  # a chunk that is not finite keeps its first
    limit = threshold(ranks, size, keep, tl.where(broken, 0, peak) + 1)
    above = (ranks > limit).to(tl.int32)
    equal = (ranks == limit).to(tl.int32)
    room = keep - tl.sum(above, 0)
    counts = tl.cumsum(above + (equal << 16), 0)  # two counts in one scan
    equals = counts >> 16
    kept = (above == 1) | ((equal == 1) & (equals <= room))  # ties go to the lower index
    first = first_entry + down * entry_step + right * keep
    entry = first + (counts & 0xFFFF) + tl.minimum(equals, room) - 1
    dead = broken | (peak == 0)
    tl.store(local_ptr + entry, index.to(tl.int16), mask=kept)
    tl.store(value_ptr + entry, tl.where(dead, float("nan"), error), mask=kept)
    tl.store(position_ptr + entry, corner + offset, mask=kept)


@triton.jit
def class_of(size, mean, low, high, DEPTH: tl.constexpr):
    """Return the class of magnitudes after DEPTH splits: at the mean, then at the mean of each half."""
    upper = (size >= mean).to(tl.int32)
    label = upper if DEPTH > 0 else upper * 0
    if DEPTH > 1:
        label = 2 * upper + (size >= tl.where(upper == 1, high, low)).to(tl.int32)
    return label


@triton.jit
def load_class(value_ptr, begin, last, mean, low, high, label, DEPTH: tl.constexpr, BLOCK: tl.constexpr):
    """Return the next entries' numbers, their values, 0.0 but for one class, and which are of it."""
    entry = begin + tl.arange(0, BLOCK)
    value = tl.load(value_ptr + entry, mask=entry < last, other=float("nan"))
    mine = (value == value) & (class_of(tl.abs(value), mean, low, high, DEPTH) == label)
    return entry, tl.where(mine, value, 0.0), mine


@triton.jit
def class_mean(value_ptr, first, last, mean, low, high, label, DEPTH: tl.constexpr, BLOCK: tl.constexpr):
    """Return the fp32 mean magnitude of one class of a group; 0.0 if it is empty.

    As `quantise.class_means`: every magnitude becomes an integer multiple of 2**-41 of the power of two above
    the largest, the integers are added exactly in two halves, the sum is divided in float64.
    """
    largest = tl.full([], 0.0, tl.float32)
    for begin in range(first, last, BLOCK):
        _, value, _ = load_class(value_ptr, begin, last, mean, low, high, label, DEPTH, BLOCK)
        largest = tl.maximum(largest, tl.max(tl.abs(value), 0))
    field = largest.to(tl.float64).to(tl.int64, bitcast=True) >> 52  # 1022 + the exponent of frexp
    field = tl.where(largest > 0, field, 1022)
    scale = ((-field + (2045 + _SUM_BITS)) << 52).to(tl.float64, bitcast=True)  # 2**(41 - exponent)
    unit = ((field + 1 - _SUM_BITS) << 52).to(tl.float64, bitcast=True)  # 2**(exponent - 41)
    upper = tl.full([], 0, tl.int64)
    lower = tl.full([], 0, tl.int64)
    count = tl.full([], 0, tl.int64)
    for begin in range(first, last, BLOCK):
        _, value, mine = load_class(value_ptr, begin, last, mean, low, high, label, DEPTH, BLOCK)
        units = ((tl.abs(value).to(tl.float64) * scale + _ROUND) - _ROUND).to(tl.int64)
        upper += tl.sum(units >> _LIMB_BITS, 0)
        lower += tl.sum(units & _LOW, 0)
        count += tl.sum(mine.to(tl.int64), 0)
    total = upper.to(tl.float64) * _LIMB + lower.to(tl.float64)
    average = total / tl.maximum(count, 1).to(tl.float64) * unit
    return tl.minimum(average, _LIMIT).to(tl.float32)


@triton.jit
def quantise_group(
    value_ptr, position_ptr, start_ptr, feedback_ptr, code_ptr, level_ptr,
    BITS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Find one group's levels, write its codes, and subtract what they stand for from the feedback.

    As `quantise.magnitude_codes`. The entries of group g are numbers start[g] to start[g + 1].
    """
    group = tl.program_id(0)
    first, last = tl.load(start_ptr + group), tl.load(start_ptr + group + 1)
    CLASSES: tl.constexpr = 1 << (BITS - 1)
    mean = class_mean(value_ptr, first, last, 0.0, 0.0, 0.0, 0, 0, BLOCK)
    low = mean
    high = mean
    if BITS > 1:
        low = class_mean(value_ptr, first, last, mean, 0.0, 0.0, 0, 1, BLOCK)
        high = class_mean(value_ptr, first, last, mean, 0.0, 0.0, 1, 1, BLOCK)
    for label in tl.static_range(CLASSES):
        if BITS == 3:
            level = class_mean(value_ptr, first, last, mean, low, high, label, 2, BLOCK)
        else:
            level = high if label == 1 else low
        tl.store(level_ptr + group * CLASSES + label, level)
        for begin in range(first, last, BLOCK):
            entry, value, mine = load_class(value_ptr, begin, last, mean, low, high, label, BITS - 1, BLOCK)
            tl.store(code_ptr + entry, (label + CLASSES * (value < 0).to(tl.int32)).to(tl.uint8), mask=mine)
            position = tl.load(position_ptr + entry, mask=mine, other=0)
            sent = tl.where(value < 0, -level, level)
            tl.store(feedback_ptr + position, value - sent, mask=mine)
