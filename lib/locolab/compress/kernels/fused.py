"""The CPU backend's loop over the chunks of a tensor: feedback, selection, quantiser, residual in one pass.

A chunk's error e is gathered in a buffer that fits the first-level cache. Its integer magnitudes are folded
into a few hundred maxima. A threshold that k maxima reach is reached by at least k elements and, the maxima
being several times k, by few more. Those candidates are listed, and a bisection on their integer magnitudes
finds the k-th largest. Groups are quantised while their chunks are still in the second-level cache.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from locolab.compress.chunks import IntArray
from locolab.compress.kernels.compiled import Ints, Shape, U, Whole, jit
from locolab.compress.quantise import LIMB_BITS, SUM_BITS, Codes, Floats
from locolab.compress.selection import INFINITY_BITS
from locolab.compress.spec import WIRE_LIMIT

Results = tuple[IntArray, Floats, Ints, Codes, Floats]  # local, values, largest magnitudes, codes, levels
Scratch = tuple[Floats, Ints, Ints, Ints, Ints, Codes, NDArray[np.uint64]]  # of `scratch`

MAGNITUDE = np.int32(0x7FFFFFFF)
INFINITY = np.int32(INFINITY_BITS)
DEAD = np.uint8(255)  # label of entries that enter no statistic

_LINE = 64  # elements of a full block's line; a chunk of a vector is looked at as lines of so many
_MAXIMA_PER_KEPT = 4  # many enough for a tight threshold, few enough to be counted fast
_SLACK = 8  # candidates beyond a quarter more than needed are not worth another step of the bisection
_BINADE = 1 << 23  # magnitudes a factor of two apart differ by this in their bits
_WORD = 8  # flags looked at together
_BLOCK = 1 << 20  # so many integers of at most SUM_BITS + 1 bits add up within 64


class Place(NamedTuple):
    """Where a chunk is: `size` elements in lines of `line`, `stride` apart, from flat index `start`."""

    start: Whole
    line: Whole
    stride: Whole
    size: Whole


@jit
def compress_chunks(
    delta: Floats,
    feedback: Floats,
    decay: np.float32,
    shape: Shape,
    starts: IntArray,
    runs: tuple[Whole, Whole, Whole],
    bits: Whole,
    results: Results,
    memory: Scratch,
) -> None:
    """Compress `runs` (first, last, chunks in each); with bits > 0 also quantise each run as a group.

    Writes `feedback` and the results. If bits = 0, values are not quantised, nor taken from the feedback yet.
    """
    first, last, span = runs
    local, values, peaks, codes, levels = results
    error = memory[0]
    for run in range(first, last):
        chunks = range(run * span, min((run + 1) * span, len(peaks)))
        for number in chunks:
            place, entries = find(number, shape), slice(starts[number], starts[number + 1])
            add_feedback(delta, feedback, decay, place, error)
            peaks[number] = select(memory, place.size, local[entries], values[entries])
            if peaks[number] < INFINITY:
                write_back(error, feedback, place)
            else:
                forget(error, delta, feedback, place)
        if bits:
            for number in chunks:
                label = DEAD if is_dead(peaks[number]) else np.uint8(0)
                for i in range(U(starts[number]), U(starts[number + 1])):
                    codes[i] = label
            entries = slice(starts[chunks.start], starts[chunks.stop])
            quantise_group(values[entries], codes[entries], bits, levels[run])
            subtract(feedback, shape, starts, chunks.start, chunks.stop, local, values, peaks)


def scratch(shape: Shape) -> Scratch:
    """Return the memory that `compress_chunks` works in: error and bits, integers, flags and words."""
    room = (min(shape[0], shape[2]) * min(shape[1], shape[3]) // _WORD + 1) * _WORD
    error, flags = np.empty(room, np.float32), np.zeros(room, np.uint8)
    integers = [np.empty(room, np.int32) for _ in range(3)]
    return error, error.view(np.int32), integers[0], integers[1], integers[2], flags, flags.view(np.uint64)


@jit
def is_dead(peak: Whole) -> bool:
    """Return whether a chunk of this largest integer magnitude is all zero or not finite."""
    return peak == 0 or peak >= INFINITY


@jit
def find(number: Whole, shape: Shape) -> Place:
    """Return where a chunk is."""
    rows, columns, height, width = shape
    across = -(-columns // width)
    top, left = number // across * height, number % across * width
    line, down = min(width, columns - left), min(height, rows - top)
    start, size = top * columns + left, line * down
    if height == 1:
        line = columns = min(_LINE, line)
    return Place(start, line, columns, size)


@jit
def add_feedback(delta: Floats, feedback: Floats, decay: np.float32, place: Place, error: Floats) -> None:
    """Fill `error` with fl(fl(decay * feedback) + delta) of a chunk."""
    source, line, size = U(place.start), U(place.line), U(place.size)
    if line == U(_LINE):  # the usual one: a loop whose length the compiler knows is faster by a quarter
        for first in range(U(0), size - size % line, line):
            for i in range(U(_LINE)):
                error[first + i] = feedback[source + i] * decay + delta[source + i]
            source += U(place.stride)
        rest = size - size % line
    else:
        rest = U(0)
    for first in range(rest, size, line):
        for i in range(min(line, size - first)):
            error[first + i] = feedback[source + i] * decay + delta[source + i]
        source += U(place.stride)


@jit
def write_back(error: Floats, feedback: Floats, place: Place) -> None:
    """Put the chunk's error into the feedback."""
    target, line, size = U(place.start), U(place.line), U(place.size)
    for first in range(U(0), size, line):
        for i in range(min(line, size - first)):
            feedback[target + i] = error[first + i]
        target += U(place.stride)


@jit
def forget(error: Floats, delta: Floats, feedback: Floats, place: Place) -> None:
    """Keep the old feedback of a chunk that is not finite, but 0.0 where it is itself to blame."""
    for i in range(place.size):
        position = place.start + i // place.line * place.stride + i % place.line
        old, new, total = feedback[position], delta[position], error[i]
        if not math.isfinite(old) or (math.isfinite(new) and not math.isfinite(total)):
            feedback[position] = 0.0


@jit
def select(memory: Scratch, size: Whole, local: IntArray, values: Floats) -> Whole:
    """Fill `local` and `values` with what one chunk keeps; return its largest integer magnitude."""
    error, bits, numbers, found, kept, flags, words = memory
    count = len(local)
    n_maxima, peak = fold(bits, size, count, numbers)
    if is_dead(peak):
        for i in range(U(count)):
            local[i] = i
            values[i] = 0.0
        return peak
    threshold = bisect(numbers, n_maxima, count, peak, _SLACK + count // 4)
    total = candidates(bits, size, threshold, flags, words, kept, found)
    keep_largest(bits, found, total, count, peak, numbers, kept)
    for i in range(U(count)):
        local[i] = kept[i]
        values[i] = error[U(kept[i])]
    return peak


@jit
def fold(error_bits: Ints, size: Whole, count: Whole, maxima: Ints) -> tuple[Whole, Whole]:
    """Return (how many maxima were written to `maxima`, the largest): of every so-many-th magnitude each."""
    width = min(U(size), U(_MAXIMA_PER_KEPT * count))
    for i in range(width):
        maxima[i] = 0
    for first in range(U(0), U(size), width):
        for i in range(min(width, U(size) - first)):
            maxima[i] = max(maxima[i], error_bits[first + i] & MAGNITUDE)
    largest = np.int32(0)
    for i in range(width):
        largest = max(largest, maxima[i])
    return width, largest


@jit
def count_from(bits: Ints, size: Whole, threshold: Whole) -> Whole:
    """Return how many of the first `size` integers reach the threshold."""
    total = np.int32(0)
    for i in range(U(size)):
        total += np.int32(bits[i] >= threshold)
    return total


@jit
def bisect(bits: Ints, size: Whole, count: Whole, largest: Whole, slack: Whole) -> Whole:
    """Return a threshold that at least `count` of the integers reach; 0 if not so many are above 0.

    At most `slack` more reach it, or else fewer than `count` reach the next higher one.
    """
    step: Whole = _BINADE
    high: Whole = np.int64(largest) + 1
    low = max(high - step, np.int64(0))
    while low > 0 and count_from(bits, size, np.int32(low)) < count:
        high, step = low, 2 * step
        low = max(high - step, np.int64(0))
    while high - low > 1:
        middle = (low + high) // 2
        reached = count_from(bits, size, np.int32(middle))
        if reached < count:
            high = middle
        else:
            low = middle
            if reached <= count + slack:
                break
    return np.int32(low)


@jit
def candidates(
    error_bits: Ints, size: Whole, threshold: Whole, flags: Codes, words: Any, hits: Ints, found: Ints
) -> Whole:
    """Write the indices whose magnitude reaches the threshold to `found`, ascending; return their number.

    `words` is the memory of `flags`, looked at eight at a time; `hits` is room for the words with a flag.
    """
    n_words = (U(size) + U(_WORD - 1)) // U(_WORD)
    for i in range((n_words - U(1)) * U(_WORD), n_words * U(_WORD)):
        flags[i] = 0
    for i in range(U(size)):
        flags[i] = (error_bits[i] & MAGNITUDE) >= threshold
    n_hits = U(0)
    for i in range(n_words):  # without branches, as are the loops below: few can be foretold
        hits[n_hits] = i
        n_hits += U(words[i] != 0)
    total = U(0)
    for i in range(n_hits):
        first = U(hits[i]) * U(_WORD)
        for j in range(first, first + U(_WORD)):
            found[total] = j
            total += U(flags[j])
    return total


@jit
def keep_largest(
    error_bits: Ints, found: Ints, total: Whole, count: Whole, largest: Whole, bits: Ints, kept: Ints
) -> None:
    """Write the `count` candidates of largest magnitude to `kept`, ascending; ties go to the lower index."""
    for i in range(U(total)):
        bits[i] = error_bits[U(found[i])] & MAGNITUDE
    threshold = bisect(bits, total, count, largest, 0)
    ties = count - count_from(bits, total, threshold + np.int32(1))
    n_kept = U(0)
    for i in range(U(total)):
        kept[n_kept] = found[i]
        tie = bits[i] == threshold
        n_kept += U((bits[i] > threshold) | (tie & (ties > 0)))
        ties -= tie


@jit
def class_mean(values: Floats, labels: Codes, label: int) -> np.float32:
    """Return the mean magnitude of the entries with this label, as `quantise.class_means` rounds it."""
    largest, count = np.int32(0), 0
    for i in range(U(len(values))):
        mine = labels[i] == label
        largest = max(largest, (np.float32(values[i]).view(np.int32) & MAGNITUDE) if mine else np.int32(0))
        count += mine
    exponent = math.frexp(np.float64(np.int32(largest).view(np.float32)))[1]
    scale = math.ldexp(1.0, SUM_BITS + 1 - exponent)
    high = low = np.int64(0)
    for first in range(0, len(values), _BLOCK):
        total = np.int64(0)
        for i in range(U(first), U(min(first + _BLOCK, len(values)))):
            units = np.rint(np.float64(abs(values[i])) * scale)
            total += np.int64(units) if labels[i] == label else np.int64(0)
        high += total >> LIMB_BITS
        low += total & ((1 << LIMB_BITS) - 1)
    mean = (np.float64(high) * (1 << LIMB_BITS) + np.float64(low)) / max(count, 1)
    return np.float32(min(math.ldexp(mean, exponent - SUM_BITS - 1), WIRE_LIMIT))


@jit
def quantise_group(values: Floats, codes: Codes, bits: Whole, levels: Floats) -> None:
    """Fill `levels` of a group; turn `codes`, 0 or DEAD before, into codes, `values` into what is sent."""
    levels[0] = class_mean(values, codes, 0)
    for depth in range(1, bits):
        for i in range(U(len(values))):
            if codes[i] != DEAD:
                codes[i] = 2 * codes[i] + (abs(values[i]) >= levels[codes[i]])
        for label in range(1 << depth):
            levels[label] = class_mean(values, codes, label)
    negative = np.uint8(1 << (bits - 1))
    for i in range(U(len(values))):
        if codes[i] == DEAD:
            codes[i] = 0
        elif values[i] < 0:
            values[i] = -levels[codes[i]]
            codes[i] += negative
        else:
            values[i] = levels[codes[i]]


@jit
def subtract(
    feedback: Floats,
    shape: Shape,
    starts: IntArray,
    first: Whole,
    last: Whole,
    local: IntArray,
    values: Floats,
    peaks: Ints,
) -> None:
    """Take the values that the chunks first..last send away from the feedback."""
    for number in range(first, last):
        if is_dead(peaks[number]):
            continue
        place = find(number, shape)
        start, stride, line = U(place.start), U(place.stride), np.uint32(place.line)
        for i in range(U(starts[number]), U(starts[number + 1])):
            inside = np.uint32(local[i])
            feedback[start + U(inside // line) * stride + U(inside % line)] -= values[i]
