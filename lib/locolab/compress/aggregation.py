"""`aggregate`: the dense mean of several peers' updates, added sparsely, in list order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from locolab.compress import kernels
from locolab.compress.part import Part
from locolab.compress.quantise import Floats
from locolab.compress.spec import CompressionSpec
from locolab.compress.update import SparseUpdate

RULES = ("mean", "contributor_mean")
CLIPS = (None, "median_norm")
_TINY = 1e-8  # as in the public code, keeps a zero norm from dividing by zero


def aggregate(
    updates: Iterable[SparseUpdate], rule: str = "mean", clip: str | None = None
) -> dict[str, torch.Tensor]:
    """Return the average of the updates: dense fp32 tensors, in the order of the first update's shapes.

    rule "mean" divides by the number of updates (1/R in arXiv 2603.08163, eq. 2); "contributor_mean" divides
    each coordinate by the number of updates that sent it (tplr-ai/templar v2.1.3, src/tplr/compress.py).
    clip "median_norm" first scales each tensor of each update down to the round's lower median norm.
    Contributions are added in list order. Memory: the result and, per thread, sums of some hundred chunks.

    How far one sender among n moves a tensor. "mean": each coordinate by its value / n, so the tensor by the
    update's norm / n. The clip bounds that norm by the lower median, which for n >= 2 is at most the largest
    norm among the others; it does not bound how the norm is spread, so one coordinate may move by norm / n.
    "contributor_mean": a coordinate that others name too by its share of them, but one that nobody else names
    by its full value, so with the clip a single coordinate may move by the whole median norm.
    Raises ValueError for an empty list, an unknown rule or clip, and updates whose names or shapes differ;
    their specs may differ.
    """
    updates = list(updates)
    _check(updates, rule, clip)
    same = dict.fromkeys(updates[0].shapes, np.float32(1))
    scales = clip_factors(updates) if clip else [same] * len(updates)
    return {name: average(updates, name, rule, [scale[name] for scale in scales]) for name in same}


def average(
    updates: Sequence[SparseUpdate], name: str, rule: str, factors: Sequence[np.float32]
) -> torch.Tensor:
    """Return one tensor's average of the updates, each scaled by its factor first, added in list order.

    By a fused kernel where there is one and all chunks are of one size; the bits are the same without it.
    """
    parts = [update.part(name) for update in updates]
    specs = [update.spec for update in updates]
    fused = kernels.fused_sparse() if len({spec.chunk for spec in specs}) == 1 else None
    flat = (fused.average if fused else _average)(parts, specs, factors, rule == "contributor_mean")
    return torch.from_numpy(flat).reshape(updates[0].shapes[name])


def _average(
    parts: Sequence[Part], specs: Sequence[CompressionSpec], factors: Sequence[np.float32], by_senders: bool
) -> Floats:
    total = np.zeros(parts[0].geometry.numel, np.float32)
    senders = np.zeros(len(total) if by_senders else 0, np.int32)
    for part, spec, factor in zip(parts, specs, factors, strict=True):
        positions = part.geometry.flat(part.local)
        total[positions] += part.values(spec) * factor
        if by_senders:
            senders[positions] += part.live()
    total /= np.maximum(senders, 1).astype(np.float32) if by_senders else np.float32(len(parts))
    return total


def clip_factors(updates: list[SparseUpdate]) -> list[dict[str, np.float32]]:
    """Return for each update and tensor min(1, median / (norm + 1e-8)), computed in float64, as fp32."""
    norms = [update.norms() for update in updates]
    medians = {name: _lower_median([norm[name] for norm in norms]) for name in norms[0]}
    return [
        {name: np.float32(min(1.0, medians[name] / (norm[name] + _TINY))) for name in norm} for norm in norms
    ]


def _lower_median(values: list[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]


def _check(updates: list[SparseUpdate], rule: str, clip: str | None) -> None:
    if rule not in RULES:
        raise ValueError(f"rule={rule!r} is not known; choose one of {', '.join(RULES)}")
    if clip not in CLIPS:
        raise ValueError(f"clip={clip!r} is not known; choose 'median_norm' or None")
    if not updates:
        raise ValueError("nothing to aggregate: the list of updates is empty")
    for number, update in enumerate(updates):
        if not isinstance(update, SparseUpdate):
            raise ValueError(f"updates[{number}] should be a SparseUpdate, got {type(update).__name__}")
        if update.shapes != updates[0].shapes:
            raise ValueError(f"updates[{number}] has other names or shapes than updates[0]")
