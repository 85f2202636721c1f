"""The CPU backend: `reference.compress_tensor` in one multi-threaded pass over delta and feedback."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch

from locolab.compress.chunks import Geometry, geometry
from locolab.compress.kernels import fused
from locolab.compress.part import Part, level_shape, quantised_part
from locolab.compress.quantise import Floats
from locolab.compress.selection import INFINITY_BITS
from locolab.compress.spec import CompressionSpec

_RUN = 64  # chunks worked on together where no group says how many
_THREAD_ELEMENTS = 1 << 18  # fewer are not worth a thread


def why_not(_spec: CompressionSpec) -> str:
    """Return why this backend cannot run here: "", as numba is there once this module is imported."""
    return ""


def compress_tensor(delta: torch.Tensor, feedback: torch.Tensor, spec: CompressionSpec) -> Part:
    """Return what is sent of `delta` plus its decayed error feedback; `feedback` becomes what was not sent.

    Bit for bit `reference.compress_tensor`, whatever the number of threads (torch.get_num_threads()). Beside
    the result it allocates a few chunks per thread; tensors that are not contiguous are copied.
    """
    chunks = geometry(delta.shape, spec)
    new, old = _flat(delta), _flat(feedback)
    if np.may_share_memory(new, old) and new.ctypes.data != old.ctypes.data:
        new = new.copy()  # a chunk's feedback is written before the next chunk's delta is read
    grouped = spec.quantizer == "magnitude"
    results = _results(chunks, spec, grouped)
    shape = (chunks.rows, chunks.columns, chunks.height, chunks.width)
    bits, decay = spec.bits if grouped else 0, np.float32(spec.decay)
    span = min(spec.group if grouped else _RUN, max(chunks.n_chunks, 1))

    def work(first: int, last: int) -> None:
        runs, memory = (first, last, span), fused.scratch(shape)
        fused.compress_chunks(new, old, decay, shape, chunks.starts, runs, bits, results, memory)

    in_parallel(work, -(-chunks.n_chunks // span), chunks.numel)
    part = _part(chunks, spec, results)
    if not grouped:
        sent = part.exact if spec.quantizer == "none" else part.values(spec)
        fused.subtract(old, shape, chunks.starts, 0, chunks.n_chunks, part.local, sent, results[2])
    if not feedback.is_contiguous():
        feedback.copy_(torch.from_numpy(old).reshape(feedback.shape))
    return part


def _results(chunks: Geometry, spec: CompressionSpec, grouped: bool) -> fused.Results:
    """Return arrays to be filled, the last two empty unless groups are quantised in the same pass."""
    count = int(chunks.starts[-1])
    return (
        np.empty(count, np.int64),
        np.empty(count, np.float32),
        np.empty(chunks.n_chunks, np.int32),
        np.empty(count if grouped else 0, np.uint8),
        np.empty(level_shape(chunks, spec) if grouped else (0, 0), np.float32),
    )


def _part(chunks: Geometry, spec: CompressionSpec, results: fused.Results) -> Part:
    local, values, peaks, codes, levels = results
    broken = peaks >= INFINITY_BITS
    dead = np.flatnonzero(broken | (peaks == 0))
    if spec.quantizer == "magnitude":
        return Part(chunks, local, codes, levels, np.zeros(0, np.float32), dead, broken[dead])
    return quantised_part(chunks, local, values, dead, broken[dead], spec)


def in_parallel(work: Callable[[int, int], None], units: int, elements: int) -> None:
    """Call work(first, last) on consecutive shares of 0..units, in as many threads as torch uses."""
    threads = max(1, min(torch.get_num_threads(), units, elements // _THREAD_ELEMENTS))
    cuts = [units * number // threads for number in range(threads + 1)]
    pool = _pool(os.getpid(), threads) if threads > 1 else None
    others = [pool.submit(work, *share) for share in pairwise(cuts[1:])] if pool else []
    work(*cuts[:2])
    for other in others:
        other.result()


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return this process's threads; a forked child has none of its parent's and makes its own."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="locolab-compress")


def _flat(tensor: torch.Tensor) -> Floats:
    array: Floats = tensor.detach().contiguous().view(-1).numpy()
    return array
