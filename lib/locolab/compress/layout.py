"""The order of everything in a payload, which sender and receiver derive from shapes and spec alone."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from locolab.compress.chunks import Geometry, geometry
from locolab.compress.part import level_shape
from locolab.compress.spec import CompressionSpec
from locolab.config import canonical_json


@dataclass(frozen=True)
class Span:
    """One tensor's share of what is numbered through all tensors."""

    name: str
    geometry: Geometry
    chunks: slice
    entries: slice
    levels: slice


@dataclass(frozen=True)
class Layout:
    """Tensors sorted by name, each with its chunks; chunks and entries are numbered through all of them."""

    spec: CompressionSpec
    shapes: tuple[tuple[str, tuple[int, ...]], ...]  # sorted by name

    @staticmethod
    def of(shapes: Mapping[str, Sequence[int]], spec: CompressionSpec) -> Layout:
        """Return the layout of tensors of these shapes, whatever the order of the dictionary; cached."""
        return _layout(spec, tuple((name, tuple(map(int, shapes[name]))) for name in sorted(shapes)))

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """Where each tensor's chunks, entries and levels lie among all of them."""
        spans, chunk, entry, level = [], 0, 0, 0
        for name, shape in self.shapes:
            chunks = geometry(shape, self.spec)
            ends = (
                chunk + chunks.n_chunks,
                entry + chunks.n_kept(),
                level + math.prod(level_shape(chunks, self.spec)),
            )
            spans.append(
                Span(name, chunks, slice(chunk, ends[0]), slice(entry, ends[1]), slice(level, ends[2]))
            )
            chunk, entry, level = ends
        return tuple(spans)

    @property
    def n_chunks(self) -> int:
        """Chunks of all tensors."""
        return self.spans[-1].chunks.stop if self.spans else 0

    @property
    def n_entries(self) -> int:
        """Kept entries of all tensors, from arithmetic on shapes only."""
        return self.spans[-1].entries.stop if self.spans else 0

    @property
    def n_levels(self) -> int:
        """Level floats of all tensors."""
        return self.spans[-1].levels.stop if self.spans else 0

    @cached_property
    def digest(self) -> bytes:
        """16 bytes that name the tensors: SHA-256 of canonical JSON [[name, shape], ...], cut."""
        text = canonical_json([[name, list(shape)] for name, shape in self.shapes])
        return hashlib.sha256(text.encode()).digest()[:16]


@lru_cache(maxsize=16)  # all payloads of a run have the same
def _layout(spec: CompressionSpec, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Layout:
    return Layout(spec, shapes)
