"""`encode` and `decode`: an update as bytes, and back only if every byte is as an honest sender writes it.

Format, version 1. All numbers are little-endian. Tensors come in the order of their names; inside a tensor,
chunks in block order and entries by ascending index inside their chunk ("chunk order", see `chunks`).

    bytes   field
    0-3     magic "LoCo"
    4       version, 1
    5       codec: 0 packed, 1 entropy, 2 templar, 3 ccloco
    6       quantizer: 0 magnitude, 1 templar, 2 none
    7       bits
    8-31    chunk, k, group (u64 each)
    32-39   decay (f64)
    40-55   digest of names and shapes (`layout.Layout.digest`)
    56-87   byte lengths of the four sections (u64 each): dead, levels, positions, values
    88-91   CRC-32 of everything else
    92-     the four sections

dead: a u64 for each chunk that was all zero or not finite, ascending: 2 * chunk number + (1 if not finite),
chunks numbered through all tensors. levels: fp32; "magnitude": for each group of each tensor 2**(bits-1)
magnitudes; "templar": for each non-empty tensor the mean and four codebook entries; "none": nothing.
positions and values, with `packed`: 12-bit indices inside the chunk, and codes of `bits` bits (2 for
"templar"); `templar`: 12-bit indices, a byte a code; `ccloco`: 64-bit indices, a byte a code; integers are
packed lowest bit first (`bits`), the last byte padded with zeros. Dead chunks fill their places with their
lowest indices and code 0. "none" has fp32 values for codes. `entropy`: see its module; dead chunks are left
out of both sections.

Lengths follow from shapes, spec and the number of dead chunks (for `entropy` they are bounded by them) and
are checked before any section is read. The decoder refuses what breaks a rule of `checks`, and whatever does
not encode to the same bytes again. It never executes anything.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from locolab.compress import bits, entropy
from locolab.compress.checks import PayloadError, check_part, require
from locolab.compress.chunks import IntArray
from locolab.compress.layout import Layout
from locolab.compress.part import Part, code_bits, level_shape
from locolab.compress.quantise import Codes, Floats
from locolab.compress.spec import CODECS, QUANTIZERS, CompressionSpec
from locolab.compress.update import SparseUpdate

MAGIC = b"LoCo"
VERSION = 1
_PREFIX = struct.Struct("<4s4B3Qd16s")
_LENGTHS = struct.Struct("<4Q")
_CHECKSUM = struct.Struct("<I")
_LENGTHS_AT = _PREFIX.size
_CHECKSUM_AT = _LENGTHS_AT + _LENGTHS.size
HEADER_BYTES = _CHECKSUM_AT + _CHECKSUM.size

_POSITION_BITS = {"packed": 12, "templar": 12, "ccloco": 64}


@dataclass(frozen=True)
class _Content:
    """All tensors' entries joined, in payload order."""

    dead: IntArray  # 2 * chunk number + not finite
    levels: Floats
    local: IntArray
    codes: Codes
    exact: Floats


def encode(update: SparseUpdate, codec: str | None = None) -> bytes:
    """Return the update as bytes in the given codec, by default the spec's.

    Raises ValueError for a codec that is unknown or does not fit the update's spec: "templar" and "ccloco"
    carry quantizer "templar" only, and 12-bit positions ("packed", "templar") need chunk <= 4096.
    """
    codec = update.spec.codec if codec is None else codec
    check_pair(update.spec, codec)
    layout = Layout.of(update.shapes, update.spec)
    sections = _write_sections(_join(update, layout), layout, codec)
    prefix = _prefix(layout, codec)
    return _seal(prefix + _LENGTHS.pack(*map(len, sections)), b"".join(sections))


def decode(blob: bytes, shapes: Mapping[str, Sequence[int]], spec: CompressionSpec) -> SparseUpdate:
    """Return the update that `blob` holds, for tensors of these shapes.

    The codec is the header's; every other field of the header must equal the spec's. Raises PayloadError (a
    ValueError) for anything else than the bytes `encode` makes. Allocates in proportion to the update that
    shapes and spec imply, whatever the blob claims.
    """
    layout = _expected_layout(shapes, spec)
    require(
        isinstance(blob, bytes | bytearray | memoryview),
        f"a payload should be bytes, got {type(blob).__name__}",
    )
    data = bytes(blob)
    codec, lengths = _read_header(data, layout)
    body = memoryview(data)[HEADER_BYTES:]
    sections = [
        body[end - size : end] for size, end in zip(lengths, np.cumsum(lengths).tolist(), strict=True)
    ]
    content = _read_sections(sections, layout, codec)
    order = {name: torch.Size(shape) for name, shape in shapes.items()}
    update = SparseUpdate(
        spec, order, _split(content, layout, order), "decoded", f"read from a {codec} payload"
    )
    require(encode(update, codec) == data, "the payload is not in canonical form")
    return update


def reseal(blob: Any) -> bytes:
    """Return a damaged payload with lengths and checksum made to fit again, for fuzzing; never raises.

    Too short a header is filled up with zeros; section lengths are cut to what is there, and the last section
    takes the remainder. What is not bytes counts as empty.
    """
    data = bytes(blob) if isinstance(blob, bytes | bytearray | memoryview) else b""
    data = data.ljust(HEADER_BYTES, b"\0")
    room = len(data) - HEADER_BYTES
    lengths = []
    for declared in _LENGTHS.unpack_from(data, _LENGTHS_AT)[:3]:
        lengths.append(min(declared, room))
        room -= lengths[-1]
    return _seal(data[:_LENGTHS_AT] + _LENGTHS.pack(*lengths, room), data[HEADER_BYTES:])


def sections(update: SparseUpdate, codec: str | None = None) -> dict[str, int]:
    """Return the bytes of each part of the encoded update; they add up to its length."""
    blob = encode(update, codec)
    dead, levels, positions, values = _LENGTHS.unpack_from(blob, _LENGTHS_AT)
    return {"positions": positions, "values": values, "scales": levels, "header": HEADER_BYTES + dead}


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


# --- framing


def _prefix(layout: Layout, codec: str) -> bytes:
    spec = layout.spec
    kinds = (VERSION, CODECS.index(codec), QUANTIZERS.index(spec.quantizer), spec.bits)
    return _PREFIX.pack(MAGIC, *kinds, spec.chunk, spec.k, spec.group, spec.decay, layout.digest())


def _seal(head: bytes, body: bytes) -> bytes:
    """Return head, checksum, body."""
    return head + _CHECKSUM.pack(zlib.crc32(body, zlib.crc32(head))) + body


def _expected_layout(shapes: Mapping[str, Sequence[int]], spec: CompressionSpec) -> Layout:
    require(isinstance(spec, CompressionSpec), f"spec should be a CompressionSpec, got {type(spec).__name__}")
    try:
        layout = Layout.of(shapes, spec)
    except (TypeError, ValueError, OverflowError) as error:
        raise PayloadError(f"shapes should map names to sizes: {error}") from None
    require(all(n >= 0 for _, shape in layout.shapes for n in shape), "shapes should not be negative")
    return layout


def _read_header(data: bytes, layout: Layout) -> tuple[str, tuple[int, ...]]:
    """Return the codec and the section lengths after checking them, the spec, the shapes and the checksum."""
    require(len(data) >= HEADER_BYTES, f"{len(data)} bytes are less than a header of {HEADER_BYTES}")
    magic, version, codec_id, *_ = _PREFIX.unpack_from(data)
    require(magic == MAGIC, "this is no payload: its first bytes are not 'LoCo'")
    require(version == VERSION, f"version {version} is not {VERSION}")
    require(codec_id < len(CODECS), f"codec {codec_id} is not known")
    codec = CODECS[codec_id]
    try:
        check_pair(layout.spec, codec)
    except ValueError as error:
        raise PayloadError(str(error)) from None
    _check_same_spec(data[: _PREFIX.size], _prefix(layout, codec))
    lengths = _LENGTHS.unpack_from(data, _LENGTHS_AT)
    require(sum(lengths) == len(data) - HEADER_BYTES, "section lengths do not add up to the payload")
    _check_lengths(lengths, layout, codec)
    (checksum,) = _CHECKSUM.unpack_from(data, _CHECKSUM_AT)
    actual = zlib.crc32(memoryview(data)[HEADER_BYTES:], zlib.crc32(data[:_CHECKSUM_AT]))
    require(checksum == actual, "the checksum does not fit")
    return codec, lengths


def _check_same_spec(given: bytes, expected: bytes) -> None:
    names = (
        "magic",
        "version",
        "codec",
        "quantizer",
        "bits",
        "chunk",
        "k",
        "group",
        "decay",
        "shapes digest",
    )
    for name, ours, theirs in zip(names, _PREFIX.unpack(expected), _PREFIX.unpack(given), strict=True):
        require(ours == theirs, f"{name} differs: expected {ours!r}, the payload says {theirs!r}")


def _check_lengths(lengths: tuple[int, ...], layout: Layout, codec: str) -> None:
    dead, levels, positions, values = lengths
    require(dead % 8 == 0 and dead // 8 <= layout.n_chunks, "more dead chunks than chunks")
    if codec != "entropy":
        expected = fixed_lengths(layout, codec)
        require(lengths[1:] == expected, f"sections should be {expected} bytes long, got {lengths[1:]}")
        return
    elements = sum(chunks.numel for chunks in layout.geometries.values())
    most_positions, most_codes = entropy.largest_sections(layout.n_entries, elements, layout.spec)
    most_values = 4 * layout.n_entries if layout.spec.quantizer == "none" else most_codes
    require(levels == 4 * layout.n_levels, "the levels section has another length")
    require(positions <= most_positions and values <= most_values, "a section is longer than any update's")


# --- sections


def _write_sections(content: _Content, layout: Layout, codec: str) -> list[bytes]:
    """Return the bytes of dead, levels, positions and values."""
    spec = layout.spec
    head = [content.dead.astype("<u8").tobytes(), content.levels.astype("<f4").tobytes()]
    if codec == "entropy":
        chunk_lives = _live_chunks(content.dead, layout)
        lives = np.repeat(chunk_lives, layout.kept)
        positions = entropy.encode_positions(content.local[lives], layout.kept[chunk_lives], spec)
        if spec.quantizer == "none":
            return [*head, positions, content.exact[lives].astype("<f4").tobytes()]
        return [*head, positions, entropy.encode_codes(content.codes[lives], code_bits(spec))]
    positions = bits.pack(content.local, _POSITION_BITS[codec])
    if spec.quantizer == "none":
        return [*head, positions, content.exact.astype("<f4").tobytes()]
    return [*head, positions, bits.pack(content.codes, _code_width(spec, codec))]


def _read_sections(sections: list[memoryview], layout: Layout, codec: str) -> _Content:
    spec, count = layout.spec, layout.n_entries
    dead = _read_dead(sections[0], layout)
    levels = np.frombuffer(sections[1], "<f4").astype(np.float32)
    none = _Content(dead, levels, np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.float32))
    if codec == "entropy":
        return _read_entropy(sections, layout, none)
    local = bits.unpack(sections[2], count, _POSITION_BITS[codec])
    if spec.quantizer == "none":
        return replace(none, local=local, exact=np.frombuffer(sections[3], "<f4").astype(np.float32))
    codes = bits.unpack(sections[3], count, _code_width(spec, codec)).astype(np.uint8)
    return replace(none, local=local, codes=codes)


def _read_entropy(sections: list[memoryview], layout: Layout, none: _Content) -> _Content:
    """Return the content with dead chunks' places filled in again."""
    spec = layout.spec
    chunk_lives = _live_chunks(none.dead, layout)
    lives = np.repeat(chunk_lives, layout.kept)
    kept = layout.kept[chunk_lives]
    local = np.arange(len(lives)) - np.repeat(np.cumsum(layout.kept) - layout.kept, layout.kept)
    local[lives] = entropy.decode_positions(sections[2], kept, layout.sizes[chunk_lives], spec)
    count = int(kept.sum())
    if spec.quantizer == "none":
        require(len(sections[3]) == 4 * count, "the values section has another length")
        exact = np.zeros(len(lives), np.float32)
        exact[lives] = np.frombuffer(sections[3], "<f4")
        return replace(none, local=local, exact=exact)
    codes = np.zeros(len(lives), np.uint8)
    codes[lives] = entropy.decode_codes(sections[3], count, code_bits(spec))
    return replace(none, local=local, codes=codes)


def _read_dead(section: memoryview, layout: Layout) -> IntArray:
    raw = np.frombuffer(section, "<u8")
    require(bool((raw < 2 * layout.n_chunks).all()), "a dead chunk does not exist")
    dead = raw.astype(np.int64)
    require(bool((np.diff(dead >> 1) > 0).all()), "dead chunks do not ascend")
    return dead


def _live_chunks(dead: IntArray, layout: Layout) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    lives = np.ones(layout.n_chunks, np.bool_)
    lives[dead >> 1] = False
    return lives


# --- tensors joined and split


def _join(update: SparseUpdate, layout: Layout) -> _Content:
    parts = [update.part(name) for name in layout.geometries]
    offsets = np.cumsum([0, *(part.geometry.n_chunks for part in parts)])
    dead = [2 * (part.dead + start) + part.broken for part, start in zip(parts, offsets, strict=False)]
    return _Content(
        dead=np.concatenate([np.zeros(0, np.int64), *dead]),
        levels=np.concatenate([np.zeros(0, np.float32), *(part.levels.ravel() for part in parts)]),
        local=np.concatenate([np.zeros(0, np.int64), *(part.local for part in parts)]),
        codes=np.concatenate([np.zeros(0, np.uint8), *(part.codes for part in parts)]),
        exact=np.concatenate([np.zeros(0, np.float32), *(part.exact for part in parts)]),
    )


def _split(content: _Content, layout: Layout, order: Mapping[str, Any]) -> Mapping[str, Part]:
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
