"""What the tests of fused backends share: hard numbers, and the comparison with the reference."""

from __future__ import annotations

import math

import numpy as np
import torch

QUANTIZERS = ["magnitude", "templar", "none"]

HARD = [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1e-40, -1.1754942e-38, 1e30, -1e-30, 3e38, -3.4e38]
NOT_FINITE = [math.inf, -math.inf, math.nan]

FULL = {
    "ties": lambda x: x.round(),
    "all equal": lambda x: torch.ones_like(x).copysign(x),
    "one value": lambda x: torch.where(x == x.max(), x, torch.zeros_like(x)),
    "signed zeros": lambda x: torch.zeros_like(x).copysign(x),
    "half zeros": lambda x: torch.where(x > 0, x, torch.zeros_like(x).copysign(x)),
    "denormals": lambda x: x * 1e-44,
    "huge": lambda x: (x * 1e38).clamp(-3.4e38, 3.4e38),
    "beyond the wire": lambda x: x * 1e30,
    "wide range": lambda x: x * torch.exp2(40 * x),
    "neighbours": lambda x: (torch.arange(x.numel()).remainder(97) + 0x3F800000).int().view(torch.float32),
    "few large": lambda x: torch.where(x > 2.5, x * 1e6, x * 1e-6),
    "some infinite": lambda x: torch.where(x > 3.5, math.inf, x),
    "some not a number": lambda x: torch.where(x < -3.5, math.nan, x),
}
"""Name -> what makes a hard tensor of a flat normal one."""


def normal(shape, seed=0, spread=0.0):
    """Return normal numbers, each times a power of two drawn from +-spread."""
    generator = np.random.default_rng(seed)
    return torch.from_numpy(
        np.asarray(
            generator.normal(size=shape) * np.exp2(generator.uniform(-spread, spread, shape)), np.float32
        )
    )


def assert_same_part(ours, theirs):
    """Compare every bit of two parts, and the types that hold them."""
    for field in ("local", "codes", "levels", "exact", "dead", "broken"):
        a, b = getattr(ours, field), getattr(theirs, field)
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), (field, a, b)
