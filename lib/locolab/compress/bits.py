"""Unsigned integers packed without gaps: the 12-bit positions and 1-, 2- and 3-bit codes of a payload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 14  # integers handled at once, so that packing many needs little memory
_LANES = 8  # this many integers of any width fill whole bytes


def packed_size(count: int, width: int) -> int:
    """Return the bytes that `count` integers of `width` bits fill, the last byte padded with zeros."""
    return -(-count * width // 8)


def pack(values: NDArray[Any], width: int) -> bytes:
    """Return integers in 0..2**width-1 packed one after the other, lowest bit first; width is 0..64.

    >>> pack(np.array([0, 1, 2, 3]), 2).hex(), bin(0xe4)  # read from the right
    ('e4', '0b11100100')
    >>> pack(np.array([0xABC, 0x123]), 12).hex()
    'bc3a12'
    """
    return pack_all([values], width)


def pack_all(arrays: Iterable[NDArray[Any]], width: int) -> bytes:
    """Return the integers of all arrays packed as if they were one, in memory for one block of them."""
    return b"".join(_pack(block, width) for block in _blocks(arrays))


def unpack(data: bytes | memoryview, count: int, width: int, start: int = 0) -> NDArray[np.int64]:
    """Return `count` integers of `width` bits that `pack` wrote, from number `start` on.

    `data` holds at least packed_size(start + count, width) bytes; bits after the last integer are ignored.

    >>> unpack(bytes.fromhex("e4"), 3, 2, start=1).tolist()
    [1, 2, 3]
    """
    skipped = start % _LANES
    rows = -(-(skipped + count) // _LANES)
    octets = np.frombuffer(data, np.uint8)[(start - skipped) // _LANES * width :][: rows * width]
    table = np.zeros((rows, width), np.uint8)
    table.reshape(-1)[: len(octets)] = octets
    values = np.zeros((rows, _LANES), np.uint64)
    for lane in range(_LANES):
        for byte in range(lane * width // 8, packed_size(lane + 1, width)):
            shift = 8 * byte - lane * width  # of the byte inside the integer
            column = table[:, byte].astype(np.uint64)
            values[:, lane] |= column << shift if shift >= 0 else column >> -shift
    values &= np.uint64((1 << width) - 1)
    return values.view(np.int64).ravel()[skipped : skipped + count]


def _pack(values: NDArray[Any], width: int) -> bytes:
    octets = np.ascontiguousarray(values, "<u8").view(np.uint8).reshape(-1, 8)
    bits = np.unpackbits(octets, axis=1, count=width, bitorder="little")
    return np.packbits(bits.ravel(), bitorder="little").tobytes()


def _blocks(arrays: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the integers of all arrays in blocks that end at whole bytes, but for the last."""
    waiting: list[NDArray[Any]] = []
    count = 0
    for array in arrays:
        for start in range(0, len(array), _BLOCK):
            waiting.append(array[start : start + _BLOCK])
            count += len(waiting[-1])
            if count >= _BLOCK:
                block = np.concatenate(waiting)
                whole = count - count % _LANES
                yield block[:whole]
                waiting, count = [block[whole:]], count - whole
    if waiting:
        yield np.concatenate(waiting)
