"""What adds up over the exchanges of a round, until it becomes the round's record."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from locolab.train.payload import Update
from locolab.train.validator import Submissions


@dataclass
class Tally:
    """Losses (nats/token); sizes (bytes) and digests of what each peer sent; who was selected and refused."""

    losses: list[float] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    digests: dict[int, hashlib._Hash] = field(default_factory=lambda: defaultdict(hashlib.sha256))
    submitted: set[int] = field(default_factory=set)
    selected: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    kept: int = 0
    nonfinite: int = 0

    def arrived(self, peer: int, payload: bytes) -> None:
        """Count what a peer put into the bucket."""
        self.submitted.add(peer)
        self.sizes[peer] += len(payload)
        self.digests[peer].update(payload)

    def reviewed(self, submissions: Submissions, updates: Mapping[int, Update]) -> None:
        """Count what a review selected and refused."""
        self.selected |= updates.keys()
        self.refused |= submissions.refused
        self.kept += sum(update.n_kept for update in updates.values())
        self.nonfinite += sum(update.nonfinite for update in updates.values())


def finite(value: float) -> float | None:
    """Return the value, None where it is no finite number: JSON has no other."""
    return value if math.isfinite(value) else None


def mean(values: Sequence[float]) -> float | None:
    """Return the mean of the finite values, None where there is none.

    >>> mean([1.0, 3.0, float("nan")]), mean([])
    (2.0, None)
    """
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else None
