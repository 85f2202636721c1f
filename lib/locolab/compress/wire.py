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
lowest indices and code (or value) 0. "none" has fp32 values for codes. `entropy`: see its module; dead chunks
are left out of both sections.

A chunk of n elements keeps max(1, floor(k * n / chunk)) entries. What codes stand for: "magnitude": the
highest of `bits` bits is the sign (1: negative), the others number the level in the chunk's group, which is
its number inside the tensor divided by `group`; "templar": the fp32 sum of the mean and the codebook's entry
of that number. Values of dead chunks are 0.

Lengths follow from shapes, spec and the number of dead chunks (for `entropy` they are bounded by them) and
are checked before any section is read. The decoder refuses what breaks a rule of `checks`, and whatever does
not encode to the same bytes again. It never executes anything.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from locolab.compress import entropy
from locolab.compress.checks import PayloadError, require
from locolab.compress.content import check_pair, fixed_lengths, read_parts, write_sections
from locolab.compress.layout import Layout
from locolab.compress.spec import CODECS, QUANTIZERS, CompressionSpec
from locolab.compress.update import SparseUpdate

MAGIC = b"LoCo"
VERSION = 1
_FIELDS = ["magic", "version", "codec", "quantizer", "bits", "chunk", "k", "group", "decay", "shapes digest"]
_PREFIX = struct.Struct("<4s4B3Qd16s")
_LENGTHS = struct.Struct("<4Q")
_CHECKSUM = struct.Struct("<I")
LENGTHS_AT = _PREFIX.size
_CHECKSUM_AT = LENGTHS_AT + _LENGTHS.size
HEADER_BYTES = _CHECKSUM_AT + _CHECKSUM.size


def encode(update: SparseUpdate, codec: str | None = None) -> bytes:
    """Return the update as bytes in the given codec, by default the spec's.

    Raises ValueError for a codec that is unknown or does not fit the update's spec: "templar" and "ccloco"
    carry quantizer "templar" only, and 12-bit positions ("packed", "templar") need chunk <= 4096.
    """
    codec = update.spec.codec if codec is None else codec
    check_pair(update.spec, codec)
    return _encode(update, Layout.of(update.shapes, update.spec), codec)


def decode(blob: bytes, shapes: Mapping[str, Sequence[int]], spec: CompressionSpec) -> SparseUpdate:
    """Return the update that `blob` holds, for tensors of these shapes.

    The codec is the header's; every other field of the header must equal the spec's. Raises PayloadError (a
    ValueError) for anything else than the bytes `encode` makes. Allocates in proportion to the update that
    shapes and spec imply, whatever the blob claims.
    """
    order = _expected_shapes(shapes, spec)
    layout = Layout.of(order, spec)
    data = _as_bytes(blob)
    codec, lengths = _read_header(data, layout)
    body = memoryview(data)[HEADER_BYTES:]
    ends = itertools.accumulate(lengths)
    sections = [body[end - size : end] for size, end in zip(lengths, ends, strict=True)]
    parts = dict(read_parts(sections, layout, codec))
    update = SparseUpdate(
        spec, order, {name: parts[name] for name in order}, "decoded", f"read from a {codec} payload"
    )
    require(_encode(update, layout, codec) == data, "the payload is not in canonical form")
    return update


def reseal(blob: Any) -> bytes:
    """Return a damaged payload with lengths and checksum made to fit again, for fuzzing; never raises.

    Too short a header is filled up with zeros; section lengths are cut to what is there, and the last section
    takes the remainder. What is not bytes counts as empty.
    """
    try:
        data = _as_bytes(blob)
    except PayloadError:
        data = b""
    data = data.ljust(HEADER_BYTES, b"\0")
    room = len(data) - HEADER_BYTES
    lengths = []
    for declared in _LENGTHS.unpack_from(data, LENGTHS_AT)[:3]:
        lengths.append(min(declared, room))
        room -= lengths[-1]
    return _seal(data[:LENGTHS_AT] + _LENGTHS.pack(*lengths, room), data[HEADER_BYTES:])


def sections(update: SparseUpdate, codec: str | None = None) -> dict[str, int]:
    """Return the bytes of each part of the encoded update; they add up to its length."""
    blob = encode(update, codec)
    dead, levels, positions, values = _LENGTHS.unpack_from(blob, LENGTHS_AT)
    return {"positions": positions, "values": values, "scales": levels, "header": HEADER_BYTES + dead}


# --- framing


def _encode(update: SparseUpdate, layout: Layout, codec: str) -> bytes:
    sections = write_sections(update, layout, codec)
    head = _prefix(layout, codec) + _LENGTHS.pack(*map(len, sections))
    return _seal(head, b"".join(sections))


def _prefix(layout: Layout, codec: str) -> bytes:
    spec = layout.spec
    kinds = (VERSION, CODECS.index(codec), QUANTIZERS.index(spec.quantizer), spec.bits)
    return _PREFIX.pack(MAGIC, *kinds, spec.chunk, spec.k, spec.group, spec.decay, layout.digest)


def _seal(head: bytes, body: bytes) -> bytes:
    """Return head, checksum, body."""
    return head + _CHECKSUM.pack(zlib.crc32(body, zlib.crc32(head))) + body


def _as_bytes(blob: Any) -> bytes:
    known = isinstance(blob, bytes | bytearray | memoryview)
    require(known, f"a payload should be bytes, got {type(blob).__name__}")
    return bytes(blob)


def _expected_shapes(shapes: Mapping[str, Sequence[int]], spec: CompressionSpec) -> dict[str, torch.Size]:
    require(isinstance(spec, CompressionSpec), f"spec should be a CompressionSpec, got {type(spec).__name__}")
    known = isinstance(shapes, Mapping) and all(isinstance(name, str) for name in shapes)
    require(known, "shapes should be a dictionary of names and sizes")
    try:
        sizes = {name: torch.Size(shape) for name, shape in shapes.items()}
    except (TypeError, ValueError) as error:
        raise PayloadError(f"shapes should map names to sizes: {error}") from None
    within = all(0 <= n < 2**63 for size in sizes.values() for n in size)
    require(within, "sizes in shapes should be in 0..2**63-1")
    return sizes


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
    lengths = _LENGTHS.unpack_from(data, LENGTHS_AT)
    require(sum(lengths) == len(data) - HEADER_BYTES, "section lengths do not add up to the payload")
    _check_lengths(lengths, layout, codec)
    (checksum,) = _CHECKSUM.unpack_from(data, _CHECKSUM_AT)
    actual = zlib.crc32(memoryview(data)[HEADER_BYTES:], zlib.crc32(data[:_CHECKSUM_AT]))
    require(checksum == actual, "the checksum does not fit")
    return codec, lengths


def _check_same_spec(given: bytes, expected: bytes) -> None:
    fields = zip(_FIELDS, _PREFIX.unpack(expected), _PREFIX.unpack(given), strict=True)
    for name, ours, theirs in fields:
        require(ours == theirs, f"{name} differs: expected {ours!r}, the payload says {theirs!r}")


def _check_lengths(lengths: tuple[int, ...], layout: Layout, codec: str) -> None:
    dead, levels, positions, values = lengths
    require(dead % 8 == 0 and dead // 8 <= layout.n_chunks, "more dead chunks than chunks")
    if codec != "entropy":
        expected = fixed_lengths(layout, codec)
        require(lengths[1:] == expected, f"sections should be {expected} bytes long, got {lengths[1:]}")
        return
    elements = sum(span.geometry.numel for span in layout.spans)
    most_positions, most_codes = entropy.largest_sections(layout.n_entries, elements, layout.spec)
    most_values = 4 * layout.n_entries if layout.spec.quantizer == "none" else most_codes
    require(levels == 4 * layout.n_levels, "the levels section has another length")
    require(positions <= most_positions and values <= most_values, "a section is longer than any update's")
