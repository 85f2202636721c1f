"""The "cuda" backend: two Triton kernels that move each dense tensor through the GPU's memory once.

The first reads delta and feedback, writes the new feedback and a chunk's kept entries (see
`triton_kernels.select_chunk`); a chunk lies in the registers of one program, blocks of a matrix are read in
place. The second sees kept entries only. The quantisers "templar" and "none" are computed by NumPy from the
kept values, 4 bytes each, which go to the host and back: the public code's sums run from left to right.
Positions, codes and levels come to the host, 3 bytes an entry, as every `Part` lives there.

Both kernels give the reference's results under Triton's interpreter and compile for NVIDIA GPUs; they have
never run on one. Nothing is known of their speed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np
import torch

from locolab.compress.chunks import Geometry, Region, geometry
from locolab.compress.part import Part, level_shape, quantised_part
from locolab.compress.selection import INFINITY_BITS
from locolab.compress.spec import CompressionSpec

LARGEST_CHUNK = 16384
"""A chunk has to fit in the registers of one program."""

TILE = 1024
"""Entries of a group that are looked at together."""

OPTIONS = {"enable_fp_fusion": False, "maxnreg": 64}
"""Of both kernels: decay * feedback + delta rounds twice; registers suffice for two full chunks at once."""

_LARGEST_OFFSET = 2**31  # of an element from its chunk's corner
_PER_WARP = 256  # elements of a chunk that 32 threads hold


def why_not(spec: CompressionSpec) -> str:
    """Return why this backend cannot compress here as the spec asks, "" if it can.

    >>> why_not(CompressionSpec(chunk=2**16))
    'chunk=65536 is above 16384, the largest that fits in registers'
    """
    if spec.chunk > LARGEST_CHUNK:
        return f"chunk={spec.chunk} is above {LARGEST_CHUNK}, the largest that fits in registers"
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed; it comes with CUDA builds of torch on Linux"
    return "" if torch.cuda.is_available() else "torch finds no CUDA device"


@dataclass(frozen=True)
class Entries:
    """Kept entries of one tensor in chunk order, and each chunk's largest magnitude bits, on the device."""

    local: torch.Tensor  # int16
    values: torch.Tensor  # fp32, NaN in dead chunks
    positions: torch.Tensor  # int64, flat in the tensor
    peaks: torch.Tensor  # int32


def compress_tensor(delta: torch.Tensor, feedback: torch.Tensor, spec: CompressionSpec) -> Part:
    """Return what is sent of `delta` plus its decayed error feedback; `feedback` becomes what was not sent.

    As `reference.compress_tensor`, bit for bit. Raises RuntimeError for chunks above `LARGEST_CHUNK` and for
    matrices whose rows are so long that 32 bits do not number the elements of a line of blocks.
    """
    if spec.chunk > LARGEST_CHUNK:
        raise RuntimeError(why_not(spec))
    chunks = geometry(delta.shape, spec)
    if chunks.height > 1 and chunks.height * chunks.columns >= _LARGEST_OFFSET:
        raise RuntimeError(f"rows of {chunks.columns} elements are more than 'cuda' takes; use 'reference'")
    if delta.untyped_storage().data_ptr() == feedback.untyped_storage().data_ptr():
        delta = delta.clone()  # a chunk's feedback is written before the next chunk's delta is read
    error = feedback.contiguous()
    entries = select(delta.contiguous(), error, chunks, spec)
    part = quantise(entries, error, chunks, spec)
    if error.data_ptr() != feedback.data_ptr():
        feedback.copy_(error)
    return part


def select(delta: torch.Tensor, feedback: torch.Tensor, chunks: Geometry, spec: CompressionSpec) -> Entries:
    """Return the kept entries of decay * feedback + delta, which `feedback` becomes; both are contiguous."""
    count = int(chunks.starts[-1])
    entries = Entries(
        delta.new_empty(count, dtype=torch.int16),
        delta.new_empty(count),
        delta.new_empty(count, dtype=torch.int64),
        delta.new_empty(chunks.n_chunks, dtype=torch.int32),
    )
    for region in chunks.regions():
        _launch_select(region, delta, feedback, entries, chunks, spec)
    return entries


def _launch_select(
    region: Region,
    delta: torch.Tensor,
    feedback: torch.Tensor,
    entries: Entries,
    chunks: Geometry,
    spec: CompressionSpec,
) -> None:
    """Start a program for every block of a region."""
    from locolab.compress.kernels.triton_kernels import select_chunk

    first = int(chunks.ids(region)[0])
    block = 1 << (region.size - 1).bit_length()
    select_chunk[(region.count,)](
        delta, feedback, entries.local, entries.values, entries.positions, entries.peaks,
        decay=float(np.float32(spec.decay)),
        origin=region.rows.start * chunks.columns + region.columns.start,
        columns=chunks.columns, height=region.height,
        across=region.block_columns.stop - region.block_columns.start,
        size=region.size, keep=int(chunks.kept[first]),
        first_chunk=first, chunk_step=chunks.grid[1],
        first_entry=int(chunks.starts[first]), entry_step=int(chunks.starts[chunks.grid[1]]),
        WIDTH=chunks.width if region.height == 1 else region.width, BLOCK=block,
        num_warps=max(1, min(32, block // _PER_WARP)),
        **OPTIONS,
    )  # fmt: skip


def quantise(entries: Entries, feedback: torch.Tensor, chunks: Geometry, spec: CompressionSpec) -> Part:
    """Return the part that sends the entries, after subtracting what it stands for from `feedback`."""
    peaks = entries.peaks.cpu().numpy()
    broken = peaks >= INFINITY_BITS
    dead = np.flatnonzero(broken | (peaks == 0))
    local = entries.local.cpu().numpy().astype(np.int64)
    if spec.quantizer == "magnitude":
        codes, levels = magnitude_codes(entries, feedback, chunks, spec)
        exact = np.zeros(0, np.float32)
        return Part(chunks, local, codes.cpu().numpy(), levels.cpu().numpy(), exact, dead, broken[dead])
    part = quantised_part(chunks, local, entries.values.cpu().numpy(), dead, broken[dead], spec)
    live = torch.from_numpy(part.live()).to(feedback.device)
    sent = torch.from_numpy(part.values(spec)).to(feedback.device)
    feedback.view(-1)[entries.positions[live]] = (entries.values - sent)[live]
    return part


def magnitude_codes(
    entries: Entries, feedback: torch.Tensor, chunks: Geometry, spec: CompressionSpec
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return codes (uint8) and levels (fp32) on the device; `feedback` loses what they stand for."""
    codes = feedback.new_zeros(len(entries.local), dtype=torch.uint8)
    levels = feedback.new_empty(level_shape(chunks, spec))
    if not len(levels):
        return codes, levels
    from locolab.compress.kernels.triton_kernels import quantise_group

    bounds = np.minimum(np.arange(len(levels) + 1) * min(spec.group, chunks.n_chunks), chunks.n_chunks)
    starts = torch.from_numpy(chunks.starts[bounds]).to(feedback.device)
    quantise_group[(len(levels),)](
        entries.values, entries.positions, starts, feedback, codes, levels,
        BITS=spec.bits, BLOCK=TILE,
        **OPTIONS,
    )  # fmt: skip
    return codes, levels
