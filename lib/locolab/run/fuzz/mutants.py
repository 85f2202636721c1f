"""Payloads of small honest updates, and damaged copies of them: number n of a seed is always the same one.

Damage follows the format (`locolab.compress.wire`): fields of the header, section lengths, level floats,
frequency tables, codes, positions, cuts and insertions, sections of two payloads put together. Most are
sealed again, so that the checksum fits and the rules behind it have to refuse them.
"""

from __future__ import annotations

import itertools
import math
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch

from locolab.compress import CompressionSpec, compress, encode
from locolab.compress.update import SparseUpdate
from locolab.compress.wire import HEADER_BYTES, LENGTHS_AT, reseal

RESEALED = 0.95  # share of mutants that get lengths and checksum made to fit
SHAPES = {"a": (9, 7), "b": (11,), "c": ()}
PAIRS = (
    ("magnitude", "packed"),
    ("magnitude", "entropy"),
    ("none", "packed"),
    ("none", "entropy"),
    ("templar", "packed"),
    ("templar", "entropy"),
    ("templar", "templar"),
    ("templar", "ccloco"),
)
FLOATS = (math.nan, math.inf, -math.inf, 3e38, 1.1e30, -1.0, -0.0, 0.0, 1e-45, 1e30)
COUNTS = (0, 1, 7, 8, 255, 2**15, 2**16 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)

Damage = Callable[[random.Random, bytearray, "Subject"], None]


@dataclass(frozen=True, eq=False)
class Subject:
    """An honest update, its codec and its payload."""

    update: SparseUpdate
    codec: str
    blob: bytes

    @property
    def ends(self) -> tuple[int, ...]:
        """Offsets at which the header and the four sections end."""
        lengths = struct.unpack_from("<4Q", self.blob, LENGTHS_AT)
        return tuple(itertools.accumulate(lengths, initial=HEADER_BYTES))


@cache
def subjects() -> tuple[Subject, ...]:
    """Return payloads of every quantiser and codec, with 1 to 3 bits, with and without dead chunks."""
    return tuple(
        _subject(quantizer, codec, bits, dead)
        for quantizer, codec in PAIRS
        for bits in (1, 2, 3)
        for dead in (False, True)
    )


def mutant(seed: int, number: int) -> tuple[Subject, bytes, bool]:
    """Return a subject, a damaged copy of its payload, and whether it is sealed again."""
    draw = random.Random(f"{seed}/{number}")
    subject = draw.choice(subjects())
    data = bytearray(subject.blob)
    for _ in range(draw.randint(1, 3)):
        draw.choices(_DAMAGES, _WEIGHTS)[0](draw, data, subject)
    sealed = draw.random() < RESEALED
    return subject, reseal(data) if sealed else bytes(data), sealed


def _subject(quantizer: str, codec: str, bits: int, dead: bool) -> Subject:
    spec = CompressionSpec(chunk=16, k=5, bits=bits, quantizer=quantizer, group=2)
    generator = torch.Generator().manual_seed(8 * bits + dead)
    delta = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    if dead:
        delta["a"][:4, :4] = 0
        delta["a"][8, 6] = math.nan
    update = compress(delta, {name: torch.zeros_like(t) for name, t in delta.items()}, spec, "reference")
    return Subject(update, codec, encode(update, codec))


def _place(draw: random.Random, data: bytearray, subject: Subject) -> int:
    """Return an offset in a section chosen first, so that short sections are hit as often as long ones."""
    section = draw.randrange(4)
    start, end = subject.ends[section : section + 2]
    return min(draw.randrange(start, max(end, start + 1)), len(data))


def _bit(draw: random.Random, data: bytearray, subject: Subject) -> None:
    at = _place(draw, data, subject)
    if at < len(data):
        data[at] ^= 1 << draw.randrange(8)


def _byte(draw: random.Random, data: bytearray, subject: Subject) -> None:
    at = _place(draw, data, subject)
    data[at : at + 1] = bytes([draw.choice((0, 1, 3, 4, 127, 128, 200, 255))])


def _word(draw: random.Random, data: bytearray, subject: Subject) -> None:
    at = _place(draw, data, subject)
    data[at : at + 4] = draw.randbytes(4)


def _float(draw: random.Random, data: bytearray, subject: Subject) -> None:
    section = draw.choice((1, 3)) if subject.update.spec.quantizer == "none" else 1
    start, end = subject.ends[section : section + 2]
    at = start + 4 * draw.randrange(max((end - start) // 4, 1))
    data[at : at + 4] = struct.pack("<f", draw.choice(FLOATS))


def _header(draw: random.Random, data: bytearray, _subject: Subject) -> None:
    at = draw.randrange(LENGTHS_AT)
    data[at : at + 1] = bytes([draw.choice((0, 1, 2, 3, 4, 255, draw.randrange(256)))])


def _length(draw: random.Random, data: bytearray, _subject: Subject) -> None:
    """Move the border between sections: a re-sealed payload keeps it where there is room."""
    at = LENGTHS_AT + 8 * draw.randrange(4)
    (length,) = struct.unpack_from("<Q", data.ljust(HEADER_BYTES, b"\0"), at)
    moved = max(0, length + draw.choice((-8, -4, -1, 1, 4, 8)))
    data[at : at + 8] = struct.pack("<Q", draw.choice((moved % 2**64, draw.choice(COUNTS))))


def _count(draw: random.Random, data: bytearray, subject: Subject) -> None:
    """Overwrite the head of a section: the number of position symbols, or a dead chunk."""
    at = subject.ends[draw.choice((0, 2))]
    data[at : at + 8] = struct.pack("<Q", draw.choice((*COUNTS, draw.randrange(64))))


def _table(draw: random.Random, data: bytearray, subject: Subject) -> None:
    """Move frequency from one symbol to another, so that a table still adds up."""
    start = subject.ends[2] + 8 if draw.random() < 0.5 else subject.ends[3]
    size = 33 if start != subject.ends[3] else 4
    here, there = (start + 2 * draw.randrange(size) for _ in range(2))
    if max(here, there) + 2 > len(data):
        return
    (more,), (less,) = (struct.unpack_from("<H", data, at) for at in (here, there))
    moved = min(draw.choice((1, less // 2, less)), less, 2**16 - 1 - more)
    if here != there:
        struct.pack_into("<H", data, here, more + moved)
        struct.pack_into("<H", data, there, less - moved)


def _repeat(draw: random.Random, data: bytearray, subject: Subject) -> None:
    """Write some positions over their neighbours: names one coordinate twice."""
    start, end = subject.ends[2:4]
    size = 8 if subject.codec == "ccloco" else 3
    at = start + size * draw.randrange(max((end - start) // size - 1, 1))
    data[at + size : at + 2 * size] = data[at : at + size]


def _cut(draw: random.Random, data: bytearray, subject: Subject) -> None:
    at = _place(draw, data, subject)
    del data[at : at + draw.choice((1, 2, 4, 8, 99))]


def _insert(draw: random.Random, data: bytearray, subject: Subject) -> None:
    at = _place(draw, data, subject)
    data[at:at] = draw.randbytes(draw.choice((1, 2, 4, 8, 99)))


def _splice(draw: random.Random, data: bytearray, subject: Subject) -> None:
    """Take a section from another payload."""
    other, section = draw.choice(subjects()), draw.randrange(4)
    start, end = subject.ends[section : section + 2]
    taken = other.blob[other.ends[section] : other.ends[section + 1]]
    data[start:end] = taken
    if len(data) >= HEADER_BYTES:
        struct.pack_into("<Q", data, LENGTHS_AT + 8 * section, len(taken))


_DAMAGES: tuple[Damage, ...] = (
    _bit, _byte, _word, _float, _header, _length, _count, _table, _repeat, _cut, _insert, _splice,
)  # fmt: skip
_WEIGHTS = (6, 4, 3, 4, 0.3, 1, 2, 4, 2, 1, 1, 3)
