"""Unsigned integers packed without gaps: the 12-bit positions and 1-, 2- and 3-bit codes of a payload."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 16  # integers handled at once, a multiple of 8 so that blocks end at whole bytes


def packed_size(count: int, width: int) -> int:
    """Return the bytes that `count` integers of `width` bits fill, the last byte padded with zeros."""
    return -(-count * width // 8)


def pack(values: NDArray[Any], width: int) -> bytes:
    """Return integers in 0..2**width-1 packed one after the other, lowest bit first; width is 0..63.

    >>> pack(np.array([0, 1, 2, 3]), 2).hex(), bin(0xe4)  # read from the right
    ('e4', '0b11100100')
    >>> pack(np.array([0xABC, 0x123]), 12).hex()
    'bc3a12'
    """
    words = np.ascontiguousarray(values, "<u8")
    blocks = []
    for start in range(0, len(words) if width else 0, _BLOCK):
        octets = words[start : start + _BLOCK].view(np.uint8).reshape(-1, 8)
        bits = np.unpackbits(octets, axis=1, count=width, bitorder="little")
        blocks.append(np.packbits(bits.ravel(), bitorder="little").tobytes())
    return b"".join(blocks)


def unpack(data: bytes | memoryview, count: int, width: int) -> NDArray[np.int64]:
    """Return the `count` integers of `width` bits that `pack` wrote; bits after the last one are ignored.

    `data` holds at least packed_size(count, width) bytes.

    >>> unpack(bytes.fromhex("e4"), 4, 2).tolist()
    [0, 1, 2, 3]
    """
    values = np.zeros(count, "<u8")
    octets = np.frombuffer(data, np.uint8)
    for start in range(0, count if width else 0, _BLOCK):
        block = values[start : start + _BLOCK]
        part = octets[start * width // 8 :][: packed_size(len(block), width)]
        bits = np.unpackbits(part, count=len(block) * width, bitorder="little").reshape(-1, width)
        filled = np.packbits(bits, axis=1, bitorder="little")
        block.view(np.uint8).reshape(-1, 8)[:, : filled.shape[1]] = filled
    return values.astype(np.int64)
