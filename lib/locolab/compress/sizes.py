"""Bytes of a payload from shapes alone, and the least that positions can take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from locolab.compress.content import check_pair, fixed_lengths
from locolab.compress.layout import Layout
from locolab.compress.spec import CompressionSpec
from locolab.compress.wire import HEADER_BYTES


def payload_size(shapes: Mapping[str, Sequence[int]], spec: CompressionSpec, codec: str) -> int:
    """Return the exact bytes of an update without dead chunks (8 more for each); builds no tensor.

    codec is "packed", "templar" or "ccloco"; "entropy" depends on the content and raises ValueError.

    >>> spec = CompressionSpec()
    >>> payload_size({"w": (4096, 4096)}, spec, "packed")  # 92 + 64 groups * 8 + 4096 chunks * 64 * 14 bits
    459356
    """
    check_pair(spec, codec)
    if codec == "entropy":
        raise ValueError("the size of an entropy-coded payload depends on its content: encode it")
    return HEADER_BYTES + sum(fixed_lengths(Layout.of(shapes, spec), codec))


def position_bound(chunk: int, k: int) -> float:
    """Return log2(C(chunk, k)) / k: the average bits a position takes if all sets are equally likely.

    >>> round(position_bound(4096, 64), 3)  # 7.36 in arXiv 2603.08163, section 2.1
    7.364
    """
    if not 1 <= k <= chunk:
        raise ValueError(f"k={k} is outside 1..chunk={chunk}")
    return math.log2(math.comb(chunk, k)) / k
