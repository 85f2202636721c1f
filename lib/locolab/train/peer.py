"""`Peer`: one participant, its memory between rounds, and the bytes it sends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from locolab import corpus
from locolab.corpus import Corpus
from locolab.network import Bucket
from locolab.train.flat import FlatModel
from locolab.train.inner import Moments, gradients, pseudo_gradients, reset_if_not_finite
from locolab.train.payload import Wire
from locolab.train.probe import make_probe
from locolab.train.spec import TrainSpec

HONEST_UPLOAD = (10.0, 60.0)
"""Seconds after the window for uploads opens between which plain peers send; it is 70 s long in the run."""

_UPLOADS = 2  # keeps these draws apart from those of the samples (0, 1, ... seeds) and the probes


class Peer:
    """A participant that trains on its assigned samples and sends what changed.

    Between rounds it keeps its AdamW moments, as the public code does (tplr-ai/templar v2.1.3,
    neurons/miner.py), and its error feedback: three vectors of the model's size. The `model` itself is shared
    by all peers of a process. `losses` (nats/token) and `tokens` are of the last call of `round`; `resets`
    counts how often the moments were not finite and had to start again; `observe`, if set, is shown
    (round, pseudo-gradient) before it is packed. `bucket`, where the payloads lie, is the swarm's.
    """

    def __init__(self, index: int, spec: TrainSpec, text: Corpus, model: FlatModel, wire: Wire) -> None:
        self.index = index
        self.spec = spec
        self.losses: list[float] = []
        self.tokens = 0
        self.resets = 0
        self.moments: Moments = {}
        self.feedback = wire.feedback()
        self.observe: Callable[[int, Tensor], None] | None = None
        self.bucket: Bucket | None = None
        self.model = model
        self.wire = wire
        self._text = text

    def round(self, theta: Tensor, number: int, step: int = 0) -> bytes | None:
        """Return this peer's payload of a round that starts from the flat `theta`; None sends nothing.

        `step` is the inner step for methods that exchange gradients at every one.
        """
        return self.send(self.train(theta, number, step), number)

    def train(self, theta: Tensor, number: int, step: int = 0) -> Tensor:
        """Return the flat pseudo-gradient (or gradient) of this peer's batches."""
        return train_together([self], theta, number, step)[0]

    def send(self, delta: Tensor, number: int) -> bytes | None:
        """Return the payload of what `train` returned, after showing it to `observe`."""
        if self.observe:
            self.observe(number, delta)
        return self.pack(delta, number)

    def pack(self, delta: Tensor, number: int) -> bytes:
        """Return the payload of a pseudo-gradient; the error feedback moves on."""
        draw = corpus.assignment_seed(self.index, number) + (self.spec.seed << 32)
        return self.wire.pack(delta, self.feedback, draw)

    def probe(self, theta: Tensor, number: int) -> bytes | None:
        """Return what the peer publishes about the theta that it starts from; None publishes nothing."""
        return make_probe(theta, self.index, number)

    def uploads_after(self, number: int) -> float:
        """Return when it sends, by the bucket's simulated clock: seconds after the round's window opened."""
        draw = np.random.default_rng([corpus.assignment_seed(self.index, number), self.spec.seed, _UPLOADS])
        return float(draw.uniform(*HONEST_UPLOAD))

    def waits(self, number: int) -> bool:
        """Return whether it sends after everybody else, having looked into the bucket."""
        return False

    def sample_ids(self, number: int) -> NDArray[np.int64]:
        """Return the ids of the round's samples, `batch` for each inner step.

        They follow from (seed, peer, round) alone, so methods are compared on the same data.
        """
        return corpus.sample_ids(
            self.index,
            number,
            n_samples=corpus.n_samples(self._text.train, self.spec.model.context),
            count=self.spec.local_steps * self.spec.batch,
            seed=self.spec.seed,
        )

    def windows(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the token windows of some samples, [len(ids), context + 1]."""
        return corpus.samples(self._text.train, ids, self.spec.model.context)

    def state(self) -> dict[str, Tensor]:
        """Return what has to survive a restart: moments and error feedback, by name."""
        moments = {f"adamw.{name}": tensor for name, tensor in self.moments.items()}
        return moments | {f"feedback.{name}": tensor for name, tensor in self.feedback.items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` returned."""
        parts: dict[str, dict[str, Tensor]] = {"adamw": {}, "feedback": {}}
        for key, tensor in state.items():
            kind, name = key.split(".", 1)
            parts[kind][name] = tensor
        self.moments = parts["adamw"]
        self.feedback = parts["feedback"]


def train_together(
    peers: Sequence[Peer], theta: Tensor, number: int, step: int = 0, steps: int | None = None
) -> list[Tensor]:
    """Return the pseudo-gradients (or gradients) of peers that train side by side; their accounts move on.

    They share a model with at least as many rows. Each gets, bit for bit, what it would get alone. `steps`
    stops after the first few of the round's steps.
    """
    spec, model = peers[0].spec, peers[0].model
    parts = [np.split(peer.sample_ids(number), spec.local_steps) for peer in peers]

    def batch(at: int) -> NDArray[np.int64]:
        return np.stack([peer.windows(own[at]) for peer, own in zip(peers, parts, strict=True)])

    if spec.method == "adamw_dp":
        deltas, losses = gradients(model, theta, batch(step))
    else:
        batches, first = map(batch, range(spec.local_steps)[:steps]), number * spec.local_steps
        moments = [peer.moments for peer in peers]
        deltas, losses = pseudo_gradients(spec, model, moments, theta, batches, first)
    for peer, own in zip(peers, losses, strict=True):
        peer.losses, peer.tokens = own, len(own) * spec.batch * spec.model.context
        peer.resets += reset_if_not_finite(peer.moments)
    return deltas
