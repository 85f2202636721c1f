"""Averaging sparse updates of one tensor without dense temporaries: decode, add and divide, band by band.

A band is a run of chunks whose sums take 2 MiB: few enough bytes to stay in a cache, and enough work for the
time Python takes to call a compiled function. Every update's entries of the band are added
there, in list order, at their index inside their chunk; only the averages go to their places in the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from locolab.compress.chunks import Geometry, IntArray
from locolab.compress.kernels.compiled import Ints, Shape, U, Whole, jit
from locolab.compress.kernels.cpu import in_parallel
from locolab.compress.part import Part
from locolab.compress.quantise import Codes, Floats
from locolab.compress.spec import CompressionSpec

_BAND_ELEMENTS = 1 << 19


def average(
    parts: Sequence[Part], specs: Sequence[CompressionSpec], factors: Sequence[np.float32], by_senders: bool
) -> Floats:
    """Return the sum of factor * values, flat, divided by the number of parts or, per coordinate, of senders.

    All parts have chunks of one size. Allocates a band per thread beside the result.
    """
    chunks = parts[0].geometry
    result = np.empty(chunks.numel, np.float32)
    pitch = min(chunks.height, chunks.rows) * min(chunks.width, chunks.columns)
    band = max(1, _BAND_ELEMENTS // max(pitch, 1))
    tables = [(part.table(spec), part.span(spec)) for part, spec in zip(parts, specs, strict=True)]

    def work(first: int, last: int) -> None:
        sums = np.zeros(min(band, last - first) * pitch, np.float32)
        senders = np.zeros(len(sums) if by_senders else 0, np.int32)
        for start in range(first, last, band):
            run = (start, min(start + band, last), pitch)
            for part, table, factor in zip(parts, tables, factors, strict=True):
                add(
                    sums,
                    senders,
                    run,
                    part.geometry.starts,
                    part.dead,
                    part.local,
                    part.codes,
                    part.exact,
                    *table,
                    factor,
                )
            divide(sums, senders, run, np.float32(len(parts)), _shape(chunks), result)

    in_parallel(work, chunks.n_chunks, chunks.numel)
    return result


def count_codes(part: Part, spec: CompressionSpec, n_rows: int, n_codes: int) -> IntArray:
    """Return how often each code stands in the live chunks of each row of the part's table."""
    counts = np.zeros((n_rows, n_codes), np.int64)
    count(part.codes, part.geometry.starts, part.dead, part.span(spec), counts)
    return counts


@jit
def count(codes: Codes, starts: IntArray, dead: IntArray, span: Whole, counts: IntArray) -> None:
    """Count the codes of every `span` chunks into a row of `counts`; dead chunks are left out."""
    for row in range(len(counts)):
        last = min((row + 1) * span, len(starts) - 1)
        for code in range(counts.shape[1]):
            found = np.int64(0)
            for i in range(U(starts[row * span]), U(starts[last])):
                found += codes[i] == code
            counts[row, code] = found
    for number in dead:
        counts[number // span, 0] -= starts[number + 1] - starts[number]


def _shape(chunks: Geometry) -> Shape:
    return chunks.rows, chunks.columns, chunks.height, chunks.width


@jit
def add(
    sums: Floats,
    senders: Ints,
    run: tuple[Whole, Whole, Whole],
    starts: IntArray,
    dead: IntArray,
    local: IntArray,
    codes: Codes,
    exact: Floats,
    table: Floats,
    span: Whole,
    factor: np.float32,
) -> None:
    """Add one update's entries of the chunks `run` (first, last, room of one), and count their senders."""
    first, last, pitch = run
    next_dead = np.searchsorted(dead, first)
    for number in range(first, last):
        if next_dead < len(dead) and dead[next_dead] == number:
            next_dead += 1
            continue
        base = U((number - first) * pitch)
        values = table[number // span if len(table) else 0 : len(table)]
        for i in range(U(starts[number]), U(starts[number + 1])):
            place = base + U(local[i])
            sums[place] += (values[0, codes[i]] if len(table) else exact[i]) * factor
            if len(senders):
                senders[place] += 1


@jit
def divide(
    sums: Floats,
    senders: Ints,
    run: tuple[Whole, Whole, Whole],
    count: np.float32,
    shape: Shape,
    result: Floats,
) -> None:
    """Write the averages of the chunks `run` to their places in the tensor; sums and senders become zero."""
    first, last, pitch = run
    rows, columns, height, width = shape
    across = -(-columns // width)
    for number in range(first, last):
        top, left = number // across * height, number % across * width
        source, line = U((number - first) * pitch), U(min(width, columns - left))
        for row in range(top, min(top + height, rows)):
            target = U(row * columns + left)
            for i in range(line):
                if len(senders):
                    count = np.float32(max(senders[source + i], 1))
                    senders[source + i] = 0
                result[target + i] = sums[source + i] / count
                sums[source + i] = 0.0
            source += line
