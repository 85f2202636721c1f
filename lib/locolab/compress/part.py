"""What is kept of one tensor, in chunk order: the unit that quantisers, codecs and backends share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from locolab.compress import quantise
from locolab.compress.chunks import Geometry, IntArray
from locolab.compress.quantise import Codes, Floats
from locolab.compress.spec import WIRE_LIMIT, CompressionSpec


@dataclass(frozen=True, eq=False)
class Part:
    """Kept entries of one tensor in chunk order; all arrays are read-only.

    local: index of each entry inside its chunk; codes: uint8 (empty for quantizer "none"); levels: fp32,
    (groups, classes) for "magnitude", [5] for "templar", empty for "none"; exact: fp32 values of "none";
    dead: numbers of the chunks that were all zero or not finite; broken: which of these were not finite.
    """

    geometry: Geometry
    local: IntArray
    codes: Codes
    levels: Floats
    exact: Floats
    dead: IntArray
    broken: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for array in (self.local, self.codes, self.levels, self.exact, self.dead, self.broken):
            array.setflags(write=False)

    def live(self) -> NDArray[np.bool_]:
        """Return for each entry whether its chunk takes part."""
        alive = np.ones(self.geometry.n_chunks, np.bool_)
        alive[self.dead] = False
        return alive[self.geometry.chunk_of]

    def values(self, spec: CompressionSpec) -> Floats:
        """Return the fp32 values in chunk order; exactly 0.0 in dead chunks."""
        if spec.quantizer == "none" or not len(self.local):
            return self.exact.copy()
        table, span = self.table(spec), self.span(spec)
        per_row = np.add.reduceat(self.geometry.kept, np.arange(0, self.geometry.n_chunks, span))
        values: Floats = table.ravel()[
            np.repeat(np.arange(len(table)) * table.shape[1], per_row) + self.codes
        ]
        if len(self.dead):
            values[~self.live()] = 0
        return values

    def table(self, spec: CompressionSpec) -> Floats:
        """Return the fp32 value of every code, a row for each `span` chunks; empty for "none"."""
        if spec.quantizer == "none" or not self.geometry.n_chunks:
            return np.zeros((0, 0), np.float32)
        if spec.quantizer == "templar":
            return quantise.templar_table(self.levels)[None]
        return quantise.magnitude_table(self.levels)

    def span(self, spec: CompressionSpec) -> int:
        """Return how many consecutive chunks share a row of `table`."""
        return (
            min(spec.group, self.geometry.n_chunks)
            if spec.quantizer == "magnitude"
            else self.geometry.n_chunks
        )


def groups(geometry: Geometry, spec: CompressionSpec) -> IntArray:
    """Return the number of the level group that each entry, in chunk order, belongs to."""
    return geometry.chunk_of // spec.group


def n_groups(geometry: Geometry, spec: CompressionSpec) -> int:
    """Return how many groups of `group` consecutive chunks a tensor has; the last may be shorter."""
    return -(-geometry.n_chunks // spec.group)


def level_shape(geometry: Geometry, spec: CompressionSpec) -> tuple[int, ...]:
    """Return the shape of a tensor's levels; quantizer "none" has none, an empty tensor neither."""
    if spec.quantizer == "none":
        return (0,)
    if spec.quantizer == "templar":
        return (1 + quantise.TEMPLAR_BINS if geometry.n_chunks else 0,)
    return (n_groups(geometry, spec), 1 << (spec.bits - 1))


def code_bits(spec: CompressionSpec) -> int:
    """Return the bits of one code: `bits` for "magnitude", 2 for "templar", 0 for "none"."""
    return {"magnitude": spec.bits, "templar": 2, "none": 0}[spec.quantizer]


def quantised_part(
    geometry: Geometry,
    local: IntArray,
    values: Floats,
    dead: IntArray,
    broken: NDArray[np.bool_],
    spec: CompressionSpec,
) -> Part:
    """Return the part that sends `values` (fp32, chunk order) of the kept entries under the spec's quantiser.

    Entries of dead chunks enter no statistic and get code 0 and value 0.0. Values of "none" beyond 1e30,
    the largest number a payload may carry, become +-1e30: error feedback keeps the rest.
    """
    nothing = np.zeros(0, np.float32)
    blank = Part(geometry, local, np.zeros(0, np.uint8), nothing, nothing, dead, broken)
    live = blank.live() if len(dead) else np.ones(len(local), np.bool_)
    values = np.where(live, values, np.float32(0))
    values += np.float32(0)  # -0.0 becomes 0.0
    if spec.quantizer == "none":
        limit = np.float32(WIRE_LIMIT)
        return replace(blank, exact=np.clip(values, -limit, limit, out=values))
    codes = np.zeros(len(local), np.uint8)
    if spec.quantizer == "templar" and not geometry.n_chunks:
        return blank
    if spec.quantizer == "templar":
        order = np.flatnonzero(live)
        order = order[np.argsort(geometry.flat(local)[order])]
        result = quantise.templar_codes(values[order])
        codes[order] = result.codes
    else:
        group = groups(geometry, spec)[live]
        result = quantise.magnitude_codes(values[live], group, n_groups(geometry, spec), spec.bits)
        codes[live] = result.codes
    return replace(blank, codes=codes, levels=result.levels)
