"""Which entries of a chunk are kept: the largest, or, as a control, random ones."""

from __future__ import annotations

from collections.abc import Callable

import torch

Scores = Callable[[torch.Tensor], torch.Tensor]
"""Maps fp32 chunk rows (chunks, elements) to integer priorities of the same shape; higher is kept."""

INFINITY_BITS = 0x7F800000  # of fp32; magnitudes at or above it are infinite or not a number
_SCORE_LIMIT = 2**31


def magnitude_bits(rows: torch.Tensor) -> torch.Tensor:
    """Return the bits of |x| as int32: they order finite fp32 numbers exactly as their magnitudes do.

    >>> magnitude_bits(torch.tensor([1.0, -1.0, -0.0, 2.0])).tolist()
    [1065353216, 1065353216, 0, 1073741824]
    """
    return rows.view(torch.int32) & 0x7FFFFFFF


class RandomScores:
    """Priorities of the random-k control: every call draws anew from a generator seeded once.

    >>> scores = RandomScores(seed=0)
    >>> keep_top(scores(torch.zeros(1, 9)), 3).shape
    torch.Size([1, 3])
    """

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Return int64 priorities of the shape of `rows`, uniform in 0..2**31-1, on its device."""
        return torch.randint(0, _SCORE_LIMIT, rows.shape, generator=self.generator).to(rows.device)


def keep_top(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Return the `count` indices of each row's highest scores, ascending; ties go to the lower index.

    Scores are integers in 0..2**31-1; anything else raises ValueError.

    >>> keep_top(torch.tensor([[5, 7, 5, 5]]), 2).tolist()
    [[0, 1]]
    """
    width = scores.shape[1]
    if scores.dtype not in (torch.int32, torch.int64):
        raise ValueError(f"select should return int32 or int64 priorities, got {scores.dtype}")
    if scores.numel() and (int(scores.min()) < 0 or int(scores.max()) >= _SCORE_LIMIT):
        raise ValueError("select should return priorities in 0..2**31-1")
    # One unique key per element (score above, reversed index below) makes top-k deterministic.
    keys = scores.to(torch.int64) * width + torch.arange(width - 1, -1, -1, device=scores.device)
    best = keys.topk(count, dim=1, sorted=False).values
    return (width - 1 - best % width).sort(dim=1).values
