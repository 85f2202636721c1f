"""Ratings: many noisy rankings of peers become one number each that settles."""

from __future__ import annotations

import math
from collections.abc import Mapping

from openskill.models import PlackettLuce

MU, SIGMA = 25.0, 25.0 / 3.0
"""What is assumed of a peer before its first match: mean and standard deviation of its strength."""


class Ratings:
    """Every peer's strength under the Plackett-Luce model, as openskill 6.2.0 updates it.

    `beta` is the spread of one performance, `tau` what a rating loses in certainty before each match; 7 and
    0.1 are the run's (tplr-ai/templar v2.1.3, hparams.json). Only the order of a match's scores matters, not
    their size. The library is handed ranks, so that equal scores share one: two peers who tie as equals keep
    their mean and both become more certain. (At 6.1.3, which the public code locks, both gained, and a score
    of exactly 0.0 was taken for the peer's place in the list.)

    >>> ratings = Ratings()
    >>> ratings.update({1: 0.3, 2: 0.1, 3: 0.2})
    >>> [round(ratings.ordinal(peer), 2) for peer in (1, 3, 2, 9)]
    [2.7, 1.13, -2.56, 0.0]
    """

    def __init__(self, beta: float = 7.0, tau: float = 0.1, mu: float = MU, sigma: float = SIGMA) -> None:
        self._model = PlackettLuce(mu=mu, sigma=sigma, beta=beta, tau=tau)
        self._rated: dict[int, tuple[float, float]] = {}

    def update(self, scores: Mapping[int, float]) -> None:
        """Rate one match between the peers of `scores`, higher is better; fewer than two change nothing.

        Raises ValueError, before anything changes, for a score that is NaN.
        """
        for peer, score in scores.items():
            if math.isnan(score):
                raise ValueError(f"peer {peer} has the score NaN: leave it out or give it a number")
        if len(scores) < 2:
            return
        peers = sorted(scores)  # sums do not depend on the order of the mapping
        teams = [[self._model.rating(*self._rated.get(peer, (None, None)))] for peer in peers]
        ranks = [float(sum(other > scores[peer] for other in scores.values())) for peer in peers]
        for peer, (rating,) in zip(peers, self._model.rate(teams, ranks=ranks), strict=True):
            self._rated[peer] = (rating.mu, rating.sigma)

    def ordinal(self, peer: int) -> float:
        """Return mu - 3 sigma, the strength a peer has almost surely; 0.0 for one without a match."""
        return self._model.rating(*self._rated[peer]).ordinal() if peer in self._rated else 0.0

    def forget(self, peer: int) -> None:
        """Make a peer one without a match."""
        self._rated.pop(peer, None)

    def state(self) -> dict[int, tuple[float, float]]:
        """Return (mu, sigma) of every rated peer."""
        return dict(self._rated)

    def load_state(self, state: Mapping[int, tuple[float, float]]) -> None:
        """Take over what `state()` returned."""
        self._rated = dict(state)
