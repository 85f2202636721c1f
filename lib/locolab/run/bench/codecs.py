"""Which code positions should have: bits and speed of the candidates, on sets drawn at random.

Golomb-Rice and Elias-Fano live only here; the library keeps the one nearest the bound (`compress.entropy`)
and the plain 12 bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from locolab.compress import CompressionSpec, bits, entropy, position_bound
from locolab.compress.chunks import IntArray
from locolab.run.bench.timing import Result, interleaved

RICE_BITS = 5  # of a gap stored as they are; the best of 4, 5 and 6 at 64 of 4096
ELIAS_FANO_BITS = 6  # floor(log2(4096 / 64))


class Codec(NamedTuple):
    """Two functions that undo each other, for sets of shape (chunks, k), ascending in each row."""

    encode: Callable[[IntArray], bytes]
    decode: Callable[[bytes], IntArray]


def measure(parameters: int = 10_000_000, chunk: int = 4096, k: int = 64, repeats: int = 9) -> Result:
    """Return bits and million positions a second of each code, on one thread, for `parameters` numbers.

    The sets are drawn uniformly, where log2 C(chunk, k) is the least; those of real pseudo-gradients are
    cheaper by a few per cent at most. Raises ValueError if a code does not return what it was given.
    """
    chunks = -(-parameters // chunk)
    sets = draw(chunks, chunk, k)
    bound, rows = position_bound(chunk, k), []
    for label, codec in codecs(chunks, chunk, k).items():
        blob = codec.encode(sets)
        if not np.array_equal(codec.decode(blob), sets):
            raise ValueError(f"{label} does not return the positions it was given")
        each = 8 * len(blob) / sets.size
        speeds = _speeds(codec, sets, blob, repeats)
        rows.append({"code": label, "bits_per_position": each, "over_bound": each / bound} | speeds)
    rows.append({"code": "bound, log2 C(chunk, k) / k", "bits_per_position": bound, "over_bound": 1.0})
    return Result(rows, {"positions": sets.size, "chunk": chunk, "k": k, "threads": 1, "clock": "processor"})


def draw(chunks: int, chunk: int, k: int, seed: int = 0) -> IntArray:
    """Return `chunks` sets of `k` of `chunk` indices, each set as likely as any other, ascending."""
    generator = np.random.default_rng(seed)
    keys = (generator.random(chunk, dtype=np.float32) for _ in range(chunks))
    return np.stack([np.sort(np.argpartition(row, k)[:k]) for row in keys])


def codecs(chunks: int, chunk: int, k: int) -> dict[str, Codec]:
    """Return the candidates by name."""
    spec = CompressionSpec(chunk=chunk, k=k)
    kept = np.full(chunks, k)
    width = (chunk - 1).bit_length()
    return {
        f"{width} bits each": Codec(
            lambda sets: bits.pack(sets.ravel(), width),
            lambda blob: bits.unpack(blob, chunks * k, width).reshape(chunks, k),
        ),
        f"Elias-Fano, {ELIAS_FANO_BITS} low bits": Codec(
            partial(write_elias_fano, chunk=chunk), partial(read_elias_fano, chunks=chunks, chunk=chunk, k=k)
        ),
        f"Golomb-Rice, {RICE_BITS} low bits": Codec(write_rice, partial(read_rice, chunks=chunks, k=k)),
        "asymmetric numeral systems of gaps (entropy)": Codec(
            lambda sets: entropy.encode_positions([(sets.ravel(), kept)], spec),
            lambda blob: next(
                entropy.decode_positions(memoryview(blob), [(kept, chunks * chunk)], spec)
            ).reshape(chunks, k),
        ),
    }


def write_elias_fano(sets: IntArray, chunk: int) -> bytes:
    """Return a bitmap of the high parts, entry j's bit at j + its high part, and the low bits as they are."""
    chunks, k = sets.shape
    ones = (sets >> ELIAS_FANO_BITS) + _frames(chunks, chunk, k)
    low = sets.ravel() & ((1 << ELIAS_FANO_BITS) - 1)
    return _bitmap(ones.ravel(), chunks * _frame(chunk, k)) + bits.pack(low, ELIAS_FANO_BITS)


def read_elias_fano(blob: bytes, chunks: int, chunk: int, k: int) -> IntArray:
    """Return the sets that `write_elias_fano` wrote."""
    size = bits.packed_size(chunks, _frame(chunk, k))
    ones = _ones(blob[:size]).reshape(chunks, k)
    low = bits.unpack(blob[size:], chunks * k, ELIAS_FANO_BITS).reshape(chunks, k)
    return ((ones - _frames(chunks, chunk, k)) << ELIAS_FANO_BITS) | low


def write_rice(sets: IntArray) -> bytes:
    """Return the gaps' quotients by 2**RICE_BITS in unary, all of them, and then the low bits.

    The length of the unary part, which a decoder needs to find the low bits, is written first.
    """
    gaps = np.diff(sets, axis=1, prepend=-1).ravel() - 1
    ones = np.cumsum((gaps >> RICE_BITS) + 1) - 1
    unary = _bitmap(ones, int(ones[-1]) + 1)
    return len(unary).to_bytes(8, "little") + unary + bits.pack(gaps & ((1 << RICE_BITS) - 1), RICE_BITS)


def read_rice(blob: bytes, chunks: int, k: int) -> IntArray:
    """Return the sets that `write_rice` wrote."""
    end = 8 + int.from_bytes(blob[:8], "little")
    quotients = np.diff(_ones(blob[8:end]), prepend=-1) - 1
    gaps = (quotients << RICE_BITS) | bits.unpack(blob[end:], chunks * k, RICE_BITS)
    return np.cumsum(gaps.reshape(chunks, k) + 1, axis=1) - 1


def _frame(chunk: int, k: int) -> int:
    """Return the bits of one chunk's bitmap: a one for each entry, a zero for each step of the high part."""
    return k + (chunk >> ELIAS_FANO_BITS)


def _frames(chunks: int, chunk: int, k: int) -> IntArray:
    """Return where entry j of each chunk's bitmap would lie if its high part were 0."""
    return np.arange(chunks)[:, None] * _frame(chunk, k) + np.arange(k)


def _bitmap(ones: IntArray, length: int) -> bytes:
    marks = np.zeros(length, np.bool_)
    marks[ones] = True
    return np.packbits(marks, bitorder="little").tobytes()


def _ones(data: bytes) -> IntArray:
    return np.flatnonzero(np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little"))


def _speeds(codec: Codec, sets: IntArray, blob: bytes, repeats: int) -> dict[str, Any]:
    cases: dict[str, Callable[[], object]] = {
        "encode_mpos_s": partial(codec.encode, sets),
        "decode_mpos_s": partial(codec.decode, blob),
    }
    timings = interleaved(cases, repeats, time.process_time)
    return {label: sets.size / 1e6 / timing.median for label, timing in timings.items()}
