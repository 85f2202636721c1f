"""Which sequences a validator scores on: from (peer, round) alone, drawn where nobody can foresee them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from locolab import corpus
from locolab.corpus import Corpus
from locolab.train import TrainSpec

SOURCES = ("trained", "pool")


class Draws:
    """The sequences of one round: `count` of every peer's assigned data and `count` that everybody shares.

    `source` says what of the assigned data they come from: ``pool``, all that a peer may train on, as the
    public code does (tplr-ai/templar v2.1.3, neurons/validator.py), or ``trained``, the first part of it,
    which everybody with the round's number of steps trains. `seed` is the validator's secret.
    """

    def __init__(
        self, text: Corpus, spec: TrainSpec, number: int, count: int, source: str, seed: int
    ) -> None:
        self._text, self._spec, self._number = text, spec, number
        self._count, self._source, self._seed = count, source, seed
        self._n_samples = corpus.n_samples(text.train, spec.model.context)

    def own(self, peer: int) -> NDArray[np.int64]:
        """Return windows of a peer's assigned data, [count, context + 1]; with repeats if there are fewer."""
        ids = self.assigned(peer)
        generator = np.random.default_rng([self._seed, self._number, peer])
        return self._windows(generator.choice(ids, self._count, replace=len(ids) < self._count))

    def random(self) -> NDArray[np.int64]:
        """Return windows from anywhere in the training text, [count, context + 1]."""
        generator = np.random.default_rng([self._seed, self._number])
        return self._windows(generator.integers(self._n_samples, size=self._count))

    def assigned(self, peer: int) -> NDArray[np.int64]:
        """Return the sample ids of a peer's assigned data, from (peer, round) and the run's seed alone."""
        trained = self._spec.local_steps * self._spec.batch
        if self._source == "trained":
            return corpus.sample_ids(
                peer, self._number, n_samples=self._n_samples, count=trained, seed=self._spec.seed
            )
        size = min(self._n_samples, max(1, trained * 16 // 3))  # of which sample_ids takes the first
        return corpus.pool_ids(peer, self._number, n_samples=self._n_samples, size=size, seed=self._spec.seed)

    def _windows(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        return corpus.samples(self._text.train, ids, self._spec.model.context)
