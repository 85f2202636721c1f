"""In sync: how many updates a peer's parameters are behind the validator's, and what that is worth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_LIMITS: Mapping[str, float] = {"2.1.3": 5.0, "2.1.28": 3.0}
_POWER = 2.5


def sync_score(steps_behind: float, version: str = "2.1.3") -> float:
    """Return 1 for a peer in sync, falling to 0 for one that is `limit` updates behind or more.

    (1 - min(x, limit) / limit)^2.5 with limit 5, or 3 in the later version: tplr-ai/templar v2.1.3 and
    one-covenant/templar v2.1.28, neurons/validator.py. Below 0 counts as 0; infinite and NaN give 0.
    Raises ValueError for another version.

    >>> [round(sync_score(x), 3) for x in (0, 1, 3, 5)], round(sync_score(1, "2.1.28"), 3)
    ([1.0, 0.572, 0.101, 0.0], 0.363)
    """
    if version not in _LIMITS:
        raise ValueError(f"unknown version {version!r}: there is {', '.join(_LIMITS)}")
    if not math.isfinite(steps_behind):
        return 0.0
    limit = _LIMITS[version]
    return float((1 - min(max(steps_behind, 0.0), limit) / limit) ** _POWER)


def steps_behind(values: NDArray[np.float32], history: Sequence[NDArray[np.float32]]) -> float:
    """Return how many updates behind the published parameters are; infinite where no history tells.

    `history` has the validator's values of the same parameters, the newest first. A peer that stopped j
    updates ago is exactly j behind; one that drifts on its own is also as far behind as its L2 distance,
    counted in updates of mean length: the smallest j + distance to theta_(t-j) counts.

    The public code takes the median over coordinates of |difference| / |mean change|
    (tplr-ai/templar v2.1.3, src/tplr/neurons.py). Sparse updates leave most coordinates as they were, and
    then a median over coordinates is 0 for a peer that missed one.

    >>> now, before = np.float32([3, 4]), np.float32([0, 0])
    >>> [steps_behind(np.float32(x), [now, before]) for x in ([3, 4], [0, 0], [3, 3])]
    [0.0, 1.0, 0.2]
    """
    moves = [_distance(new, old) for new, old in itertools.pairwise(history)]
    scale = float(np.mean(moves)) if moves else 0.0
    gaps = (_distance(values, past) for past in history)
    # without a scale only an exact match says anything
    return min((j + (gap / scale if gap and scale else gap and math.inf)) for j, gap in enumerate(gaps))


def _distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(a.astype(np.float64) - b))
