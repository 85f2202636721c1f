"""The four sections of a payload, and how a tensor's content is laid out in them by each codec.

The format is described in `wire`, which frames these sections; the codec "entropy" codes two of them with
`entropy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locolab.compress import bits, entropy
from locolab.compress.checks import check_part, require
from locolab.compress.chunks import IntArray
from locolab.compress.layout import Layout
from locolab.compress.part import Part, code_bits, level_shape
from locolab.compress.quantise import Codes, Floats
from locolab.compress.spec import CODECS, CompressionSpec
from locolab.compress.update import SparseUpdate

_POSITION_BITS = {"packed": 12, "templar": 12, "ccloco": 64}


@dataclass(frozen=True)
class Content:
    """All tensors' entries joined, in payload order."""

    dead: IntArray  # 2 * chunk number + not finite
    levels: Floats
    local: IntArray
    codes: Codes
    exact: Floats


def check_pair(spec: CompressionSpec, codec: str) -> None:
    """Raise ValueError unless the codec can carry updates of this spec."""
    if codec not in CODECS:
        raise ValueError(f"codec={codec!r} is not known; choose one of {', '.join(CODECS)}")
    if codec in ("templar", "ccloco") and spec.quantizer != "templar":
        raise ValueError(f"codec {codec!r} carries quantizer 'templar' only, not {spec.quantizer!r}")
    if _POSITION_BITS.get(codec) == 12 and spec.chunk > 4096:
        raise ValueError(f"codec {codec!r} has 12-bit positions, too few for chunk={spec.chunk}")


def fixed_lengths(layout: Layout, codec: str) -> tuple[int, int, int]:
    """Return the bytes of (levels, positions, values) in a codec of fixed size."""
    count = layout.n_entries
    values = bits.packed_size(count, _code_width(layout.spec, codec))
    return 4 * layout.n_levels, bits.packed_size(count, _POSITION_BITS[codec]), values


def _code_width(spec: CompressionSpec, codec: str) -> int:
    """Return the bits of one value; 32 for "none", whose values are sent as they are."""
    if spec.quantizer == "none":
        return 32
    return code_bits(spec) if codec == "packed" else 8


def write_sections(content: Content, layout: Layout, codec: str) -> list[bytes]:
    """Return the bytes of dead, levels, positions and values."""
    spec = layout.spec
    head = [content.dead.astype("<u8").tobytes(), content.levels.astype("<f4").tobytes()]
    if codec == "entropy":
        live_chunks = _live_chunks(content.dead, layout)
        live = np.repeat(live_chunks, layout.kept)
        positions = entropy.encode_positions(content.local[live], layout.kept[live_chunks], spec)
        if spec.quantizer == "none":
            return [*head, positions, content.exact[live].astype("<f4").tobytes()]
        return [*head, positions, entropy.encode_codes(content.codes[live], code_bits(spec))]
    positions = bits.pack(content.local, _POSITION_BITS[codec])
    if spec.quantizer == "none":
        return [*head, positions, content.exact.astype("<f4").tobytes()]
    return [*head, positions, bits.pack(content.codes, _code_width(spec, codec))]


def read_sections(sections: list[memoryview], layout: Layout, codec: str) -> Content:
    """Return what the four sections say; their lengths are checked already, except inside `entropy`."""
    spec, count = layout.spec, layout.n_entries
    dead = _read_dead(sections[0], layout)
    levels = np.frombuffer(sections[1], "<f4").astype(np.float32)
    blank = Content(dead, levels, np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.float32))
    if codec == "entropy":
        return _read_entropy(sections, layout, blank)
    local = bits.unpack(sections[2], count, _POSITION_BITS[codec])
    if spec.quantizer == "none":
        return replace(blank, local=local, exact=np.frombuffer(sections[3], "<f4").astype(np.float32))
    codes = bits.unpack(sections[3], count, _code_width(spec, codec)).astype(np.uint8)
    return replace(blank, local=local, codes=codes)


def _read_entropy(sections: list[memoryview], layout: Layout, blank: Content) -> Content:
    """Return the content with dead chunks' places filled in again."""
    spec = layout.spec
    live_chunks = _live_chunks(blank.dead, layout)
    live = np.repeat(live_chunks, layout.kept)
    kept = layout.kept[live_chunks]
    local = np.arange(len(live)) - np.repeat(np.cumsum(layout.kept) - layout.kept, layout.kept)
    local[live] = entropy.decode_positions(sections[2], kept, layout.sizes[live_chunks], spec)
    count = int(kept.sum())
    if spec.quantizer == "none":
        require(len(sections[3]) == 4 * count, "the values section has another length")
        exact = np.zeros(len(live), np.float32)
        exact[live] = np.frombuffer(sections[3], "<f4")
        return replace(blank, local=local, exact=exact)
    codes = np.zeros(len(live), np.uint8)
    codes[live] = entropy.decode_codes(sections[3], count, code_bits(spec))
    return replace(blank, local=local, codes=codes)


def _read_dead(section: memoryview, layout: Layout) -> IntArray:
    raw = np.frombuffer(section, "<u8")
    require(bool((raw < 2 * layout.n_chunks).all()), "a dead chunk does not exist")
    dead = raw.astype(np.int64)
    require(bool((np.diff(dead >> 1) > 0).all()), "dead chunks do not ascend")
    return dead


def _live_chunks(dead: IntArray, layout: Layout) -> NDArray[np.bool_]:
    live = np.ones(layout.n_chunks, np.bool_)
    live[dead >> 1] = False
    return live


def join(update: SparseUpdate, layout: Layout) -> Content:
    """Return the update's tensors one after the other, in payload order."""
    parts = [update.part(name) for name in layout.geometries]
    offsets = np.cumsum([0, *(part.geometry.n_chunks for part in parts)])
    dead = [2 * (part.dead + start) + part.broken for part, start in zip(parts, offsets, strict=False)]
    return Content(
        dead=np.concatenate([np.zeros(0, np.int64), *dead]),
        levels=np.concatenate([np.zeros(0, np.float32), *(part.levels.ravel() for part in parts)]),
        local=np.concatenate([np.zeros(0, np.int64), *(part.local for part in parts)]),
        codes=np.concatenate([np.zeros(0, np.uint8), *(part.codes for part in parts)]),
        exact=np.concatenate([np.zeros(0, np.float32), *(part.exact for part in parts)]),
    )


def split(content: Content, layout: Layout, order: Mapping[str, Any]) -> Mapping[str, Part]:
    """Return the checked part of every tensor, in the order of the given shapes."""
    parts, chunk, entry, level = {}, 0, 0, 0
    for name, chunks in layout.geometries.items():
        shape = level_shape(chunks, layout.spec)
        n_kept, n_levels = int(chunks.starts[-1]), int(np.prod(shape))
        first, last = np.searchsorted(content.dead >> 1, [chunk, chunk + chunks.n_chunks])
        dead = content.dead[first:last]
        entries = slice(entry, entry + n_kept)
        parts[name] = Part(
            geometry=chunks,
            local=content.local[entries],
            codes=content.codes[entries],
            levels=content.levels[level : level + n_levels].reshape(shape),
            exact=content.exact[entries],
            dead=(dead >> 1) - chunk,
            broken=(dead & 1).astype(np.bool_),
        )
        check_part(name, parts[name], layout.spec)
        chunk, entry, level = chunk + chunks.n_chunks, entry + n_kept, level + n_levels
    return {name: parts[name] for name in order}
