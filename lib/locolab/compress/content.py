"""The four sections of a payload, and how a tensor's content is laid out in them by each codec.

The format is described in `wire`, which frames these sections; the codec "entropy" codes two of them with
`entropy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locolab.compress import bits, entropy
from locolab.compress.checks import check_part, require
from locolab.compress.chunks import Geometry, IntArray
from locolab.compress.layout import Layout
from locolab.compress.part import Part, code_bits, level_shape
from locolab.compress.spec import CODECS, CompressionSpec
from locolab.compress.update import SparseUpdate

_POSITION_BITS = {"packed": 12, "templar": 12, "ccloco": 64}


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


def write_sections(update: SparseUpdate, layout: Layout, codec: str) -> list[bytes]:
    """Return the bytes of dead, levels, positions and values."""
    parts = [update.part(span.name) for span in layout.spans]
    starts = [span.chunks.start for span in layout.spans]
    dead = [2 * (part.dead + start) + part.broken for part, start in zip(parts, starts, strict=True)]
    head = [_joined(dead, "<u8"), _joined((part.levels for part in parts), "<f4")]
    if codec == "entropy":
        return [*head, *_write_live(parts, layout.spec)]
    return [*head, *_write_all(parts, layout.spec, codec)]


def read_parts(sections: Sequence[memoryview], layout: Layout, codec: str) -> Iterator[tuple[str, Part]]:
    """Yield each tensor's checked part, in payload order; outside "entropy" the lengths are checked already.

    What is held besides the parts is one tensor's work, and of "entropy" two bytes an entry.
    """
    dead = _read_dead(sections[0], layout)
    levels = np.frombuffer(sections[1], "<f4").astype(np.float32)
    exact = layout.spec.quantizer == "none"
    if codec == "entropy":
        entries = _read_live(sections[2], sections[3], layout, dead)
    else:
        entries = _read_all(sections[2], sections[3], layout, codec)
    for span, (numbers, broken), (local, values) in zip(layout.spans, dead, entries, strict=True):
        part = Part(
            geometry=span.geometry,
            local=local,
            codes=np.zeros(0, np.uint8) if exact else values.astype(np.uint8),
            levels=levels[span.levels].reshape(level_shape(span.geometry, layout.spec)),
            exact=values.astype(np.float32) if exact else np.zeros(0, np.float32),
            dead=numbers,
            broken=broken,
        )
        check_part(span.name, part, layout.spec)
        yield span.name, part


def _joined(arrays: Iterable[NDArray[Any]], kind: str) -> bytes:
    return b"".join(array.astype(kind).tobytes() for array in arrays)


def _read_dead(section: memoryview, layout: Layout) -> list[tuple[IntArray, NDArray[np.bool_]]]:
    """Return for each tensor its dead chunks and which of them were not finite."""
    raw = np.frombuffer(section, "<u8")
    require(bool((raw < 2 * layout.n_chunks).all()), "a dead chunk does not exist")
    dead = raw.astype(np.int64) >> 1
    require(bool((np.diff(dead) > 0).all()), "dead chunks do not ascend")
    ends = np.searchsorted(dead, [span.chunks.stop for span in layout.spans])
    shares = zip(layout.spans, [0, *ends], ends, strict=False)
    broken = (raw & 1).astype(np.bool_)
    return [(dead[first:last] - span.chunks.start, broken[first:last]) for span, first, last in shares]


# --- codecs of fixed size: every entry is there


def _write_all(parts: list[Part], spec: CompressionSpec, codec: str) -> tuple[bytes, bytes]:
    positions = bits.pack_all((part.local for part in parts), _POSITION_BITS[codec])
    if spec.quantizer == "none":
        return positions, _joined((part.exact for part in parts), "<f4")
    return positions, bits.pack_all((part.codes for part in parts), _code_width(spec, codec))


def _read_all(
    positions: memoryview, values: memoryview, layout: Layout, codec: str
) -> Iterator[tuple[IntArray, NDArray[Any]]]:
    width = _code_width(layout.spec, codec)
    for span in layout.spans:
        start, count = span.entries.start, span.entries.stop - span.entries.start
        local = bits.unpack(positions, count, _POSITION_BITS[codec], start)
        if layout.spec.quantizer == "none":
            yield local, np.frombuffer(values, "<f4")[span.entries]
        else:
            yield local, bits.unpack(values, count, width, start)


# --- "entropy": entries of live chunks only


def _write_live(parts: list[Part], spec: CompressionSpec) -> tuple[bytes, bytes]:
    live = [_live_entries(part.geometry, part.dead) for part in parts]
    chosen = list(zip(parts, live, strict=True))
    positions = entropy.encode_positions(
        ((part.local[mine], np.delete(part.geometry.kept, part.dead)) for part, mine in chosen), spec
    )
    if spec.quantizer == "none":
        return positions, _joined((part.exact[mine] for part, mine in chosen), "<f4")
    return positions, entropy.encode_codes((part.codes[mine] for part, mine in chosen), code_bits(spec))


def _read_live(
    positions: memoryview,
    values: memoryview,
    layout: Layout,
    dead: list[tuple[IntArray, NDArray[np.bool_]]],
) -> Iterator[tuple[IntArray, NDArray[Any]]]:
    """Yield each tensor's entries, dead chunks' places filled in: their lowest indices, value or code 0."""
    chunks = [(span.geometry, numbers) for span, (numbers, _) in zip(layout.spans, dead, strict=True)]
    tensors = [(np.delete(g.kept, mine), int(np.delete(g.sizes, mine).sum())) for g, mine in chunks]
    indices = entropy.decode_positions(positions, tensors, layout.spec)
    sent = _live_values(values, sum(int(kept.sum()) for kept, _ in tensors), layout.spec)
    entry = 0
    for (geometry, numbers), found in zip(chunks, indices, strict=True):
        live = _live_entries(geometry, numbers)
        local = np.arange(len(live)) - np.repeat(geometry.starts[:-1], geometry.kept)
        local[live] = found
        filled = np.zeros(len(live), sent.dtype)
        filled[live] = sent[entry : entry + len(found)]
        entry += len(found)
        yield local, filled


def _live_values(section: memoryview, count: int, spec: CompressionSpec) -> NDArray[Any]:
    if spec.quantizer != "none":
        return entropy.decode_codes(section, count, code_bits(spec))
    require(len(section) == 4 * count, "the values section has another length")
    return np.frombuffer(section, "<f4")


def _live_entries(geometry: Geometry, dead: IntArray) -> NDArray[np.bool_]:
    alive = np.ones(geometry.n_chunks, np.bool_)
    alive[dead] = False
    return np.repeat(alive, geometry.kept)
