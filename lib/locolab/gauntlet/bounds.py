"""What one submission can do to the model before any rating reacts: a bound that holds by construction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median_low

from locolab.compress import SparseUpdate
from locolab.compress.aggregation import RULES
from locolab.config import ConfigError


def largest_share(n_selected: int, rule: str = "mean") -> float:
    """Return X: one update's part of the aggregate is at most X times the round's median norm.

    That is under the clip ``median_norm``, tensor by tensor, in L2 norm. ``mean`` divides by all that were
    selected, X = 1/n. ``contributor_mean`` divides a coordinate by those who sent it; a sender alone on its
    positions brings its full norm, X = 1. The clip bounds a norm and no single coordinate: all of it may
    stand on one. Without the clip there is no bound but the largest number a payload may carry.

    >>> largest_share(20), largest_share(20, "contributor_mean")
    (0.05, 1.0)
    """
    if rule not in RULES or n_selected < 1:
        raise ConfigError(f"rule={rule!r}, {n_selected} selected: give one of {', '.join(RULES)}, at least 1")
    return 1 / n_selected if rule == "mean" else 1.0


def largest_move(updates: Sequence[SparseUpdate], rule: str, outer_lr: float) -> float:
    """Return the largest L2 norm by which any one of the updates moves theta, over all tensors.

    outer_lr * X * the root of the sum of the squared lower median norms of the tensors. A minority of
    outliers cannot raise these medians above the largest honest norm.
    """
    norms = [update.norms() for update in updates]
    medians = [median_low(norm[name] for norm in norms) for name in norms[0]]
    return outer_lr * largest_share(len(updates), rule) * math.hypot(*medians)
