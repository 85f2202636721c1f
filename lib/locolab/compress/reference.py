"""The reference backend: compression of one tensor in plain torch, written to be read."""

from __future__ import annotations

import numpy as np
import torch

from locolab.compress.chunks import Geometry, geometry
from locolab.compress.part import Part, quantised_part
from locolab.compress.selection import INFINITY_BITS, Scores, keep_top, magnitude_bits
from locolab.compress.spec import CompressionSpec


def compress_tensor(
    delta: torch.Tensor, feedback: torch.Tensor, spec: CompressionSpec, select: Scores = magnitude_bits
) -> Part:
    """Return what is sent of `delta` plus its decayed error feedback; `feedback` becomes what was not sent.

    Both are fp32 tensors of one shape on one device. SparseLoCo's sender (arXiv 2603.08163, eq. 1-2):
    e = decay * feedback + delta, send Q(top-k(e)), keep e minus what was sent.
    """
    chunks = geometry(delta.shape, spec)
    decay = torch.tensor(spec.decay, dtype=torch.float32)
    error = (feedback * decay) + delta  # two roundings, no fused multiply-add
    error = error.contiguous().reshape(chunks.rows, chunks.columns)
    local, values, peaks = _select(error, chunks, select)
    broken = peaks >= INFINITY_BITS
    dead = np.flatnonzero(broken | (peaks == 0))
    part = quantised_part(chunks, local, values, dead, broken[dead], spec)
    sent = torch.from_numpy(part.values(spec)).to(error.device)
    positions = torch.from_numpy(chunks.flat(local)).to(error.device)
    error.view(-1)[positions] -= sent
    if broken.any():
        _restore(error, delta.reshape_as(error), feedback.reshape_as(error), chunks, broken)
    feedback.copy_(error.reshape(feedback.shape))
    return part


def _select(
    error: torch.Tensor, chunks: Geometry, select: Scores
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return local indices and values of the kept entries in chunk order, and each chunk's largest bits."""
    local = np.zeros(chunks.starts[-1], np.int64)
    values = np.zeros(chunks.starts[-1], np.float32)
    peaks = np.zeros(chunks.n_chunks, np.int64)
    for region in chunks.regions():
        ids = chunks.ids(region)
        rows = region.blocks(error).reshape(region.count, region.size)
        count = int(chunks.kept[ids[0]])
        largest = magnitude_bits(rows).amax(dim=1)
        kept = keep_top(select(rows), count)
        idle = (largest == 0) | (largest >= INFINITY_BITS)
        kept[idle] = torch.arange(count, device=kept.device)
        entries = chunks.starts[ids][:, None] + np.arange(count)
        local[entries] = kept.cpu().numpy()
        values[entries] = rows.gather(1, kept).cpu().numpy()
        peaks[ids] = largest.cpu().numpy()
    return local, values, peaks


def _restore(
    error: torch.Tensor, delta: torch.Tensor, feedback: torch.Tensor, chunks: Geometry, broken: np.ndarray
) -> None:
    """Put the old feedback back into the chunks that were not finite, so that one bad round does not last.

    It is zero where it is itself to blame: not finite, or so large that adding a finite delta overflowed.
    """
    for region in chunks.regions():
        mask = torch.from_numpy(broken[chunks.ids(region)]).to(error.device)
        mask = mask.reshape(region.blocks(error).shape[:2])
        total, old, new = (region.blocks(matrix)[mask] for matrix in (error, feedback, delta))
        to_blame = ~old.isfinite() | (new.isfinite() & ~total.isfinite())
        region.blocks(error)[mask] = old.masked_fill(to_blame, 0.0)
