"""A validator that only watches: how an update moves the loss of every window apart.

From these losses any number of windows out of a pool of any size can be drawn afterwards, see `power`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from locolab import corpus
from locolab.compress import SparseUpdate
from locolab.compress.aggregation import clip_factors
from locolab.config import Config, ConfigError
from locolab.gauntlet.positions import FlatUpdate, flat_update
from locolab.train import FlatModel, Submissions, Validator, llama

Windows = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class WatchSpec(Config):
    """The settings of a `Watch`.

    `windows`: how many from anywhere in the training text; `step`: see `GauntletSpec`; `every`: rounds from
    one look to the next; `seed`: of the draws.
    """

    rooms: ClassVar[tuple[str, ...]] = ("gauntlet", "report/watch")
    libraries: ClassVar[tuple[str, ...]] = ()

    windows: int = 256
    step: float = 0.2
    every: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.windows, self.every) < 1 or self.step <= 0:
            raise ConfigError(f"WatchSpec needs windows and every of at least 1 and a positive step: {self}")

    def build(self) -> Watch:
        """Return the validator."""
        return Watch(self)


class Watch(Validator):
    """Selects everybody; every few rounds `last` has a row a peer, with lists of losses in nats/token.

    own_before and own_after its update alone: of the windows that it was assigned to train, one by one;
    other_before and other_after: of windows from anywhere, the same for all.
    """

    def __init__(self, settings: WatchSpec) -> None:
        self.settings = settings

    def review(self, round: Submissions) -> Sequence[int]:
        """Return all peers, after looking where it is time."""
        due = (round.number + 1) % self.settings.every == 0
        self.last = list(self._rows(round)) if due else []
        return round.peers

    def _rows(self, round: Submissions) -> Iterator[dict[str, Any]]:
        spec, model, theta = round.spec, round.model, round.vector.clone()
        available = corpus.n_samples(round.text.train, spec.model.context)
        draw = np.random.default_rng([self.settings.seed, round.number])
        other = self._windows(round, draw.integers(available, size=self.settings.windows))
        model.load(theta, 1)
        other_before = window_losses(model, other)
        for peer, update in _clipped(round).items():
            count = spec.local_steps * spec.batch
            ids = corpus.sample_ids(peer, round.number, n_samples=available, count=count, seed=spec.seed)
            own = self._windows(round, ids)
            model.load(theta, 1)
            own_before = window_losses(model, own)
            moved = self.settings.step * spec.outer_lr * torch.from_numpy(update.values)
            model.vector[torch.from_numpy(update.positions)] -= moved
            yield {
                "peer": peer,
                "own_before": own_before,
                "own_after": window_losses(model, own),
                "other_before": other_before,
                "other_after": window_losses(model, other),
            }

    def _windows(self, round: Submissions, ids: NDArray[np.int64]) -> Windows:
        return corpus.samples(round.text.train, ids, round.spec.model.context)


def _clipped(round: Submissions) -> Mapping[int, FlatUpdate]:
    """Return the updates that could be read, each as long as aggregation would make it."""
    sent = {peer: round.update(peer) for peer in round.peers}
    sparse = {peer: update for peer, update in sent.items() if isinstance(update, SparseUpdate)}
    factors = clip_factors(list(sparse.values()))
    return {peer: flat_update(sparse[peer], own) for peer, own in zip(sparse, factors, strict=True)}


@torch.no_grad()
def window_losses(model: FlatModel, windows: Windows) -> list[float]:
    """Return the loss of each window apart, nats/token, from windows [n, context + 1]."""
    rows = [model.rows[0].tensors] * len(windows)
    losses: list[float] = llama.losses(model.module.config, rows, torch.from_numpy(windows)[:, None]).tolist()
    return losses
