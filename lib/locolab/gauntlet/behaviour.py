"""`Behaviour`: what a peer does instead of what it should, as a value; `Actor`, the peer that does it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from locolab.config import Config, ConfigError
from locolab.corpus import Corpus, assignment_seed
from locolab.train import FlatModel, Peer, TrainSpec, Wire
from locolab.train.peer import train_together

_STREAM = 3  # keeps these draws apart from those of samples, probes and uploads


class Actor(Peer):
    """A peer that asks its behaviour what to do; all it remembers of it lies in `memory`.

    Raises ConfigError for a method that exchanges at every inner step.
    """

    def __init__(
        self, index: int, spec: TrainSpec, text: Corpus, model: FlatModel, wire: Wire, behaviour: Behaviour
    ) -> None:
        if spec.exchanges > 1:
            raise ConfigError(f"behaviours act once a round; method {spec.method!r} exchanges at every step")
        super().__init__(index, spec, text, model, wire)
        self.behaviour = behaviour
        self.memory: dict[str, Tensor] = {}

    def round(self, theta: Tensor, number: int, step: int = 0) -> bytes | None:
        """Return what it sends in a round, None if that is nothing."""
        return self.behaviour.round(self, theta, number)

    def trained(self, theta: Tensor, number: int, steps: int | None = None) -> Tensor:
        """Return the pseudo-gradient after the first `steps` of the round's inner steps, or all."""
        return train_together([self], theta, number, steps=steps)[0]

    def sample_ids(self, number: int) -> NDArray[np.int64]:
        """Return the samples that it really trains on."""
        return self.ids_of(self.behaviour.data_of(self, number), self.behaviour.data_round(number))

    def ids_of(self, index: int, number: int) -> NDArray[np.int64]:
        """Return the samples that peer `index` is assigned in a round."""
        other = copy.copy(self)
        other.index = index
        return Peer.sample_ids(other, number)

    def probe(self, theta: Tensor, number: int) -> bytes | None:
        """Return a probe of the theta that it really starts from."""
        return super().probe(self.behaviour.start(self, theta, number), number)

    def uploads_after(self, number: int) -> float:
        """Return when it sends, in seconds after the window opened."""
        return self.behaviour.uploads_after(self, number, super().uploads_after(number))

    def waits(self, number: int) -> bool:
        """Return whether it sends after everybody else."""
        return self.behaviour.waits(number)

    def generator(self, number: int) -> np.random.Generator:
        """Return the peer's random numbers of a round."""
        return np.random.default_rng([assignment_seed(self.index, number), self.spec.seed, _STREAM])

    def state(self) -> dict[str, Tensor]:
        """Return what has to survive a restart, `memory` included."""
        return super().state() | {f"memory.{name}": tensor for name, tensor in self.memory.items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` returned."""
        mine = {name: tensor for name, tensor in state.items() if name.startswith("memory.")}
        super().load_state({name: tensor for name, tensor in state.items() if name not in mine})
        self.memory = {name.removeprefix("memory."): tensor for name, tensor in mine.items()}


@dataclasses.dataclass(frozen=True)
class Behaviour(Config):
    """What an honest peer does; a subclass changes the part that it is about.

    Called with a peer's arguments it returns the peer, so it is one of a run's `behaviours`. Everything drawn
    follows from (seed, peer, round).
    """

    rooms: ClassVar[tuple[str, ...]] = ("gauntlet",)

    def __call__(self, index: int, spec: TrainSpec, text: Corpus, model: FlatModel, wire: Wire) -> Actor:
        """Return a peer that behaves like this."""
        return Actor(index, spec, text, model, wire, self)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings, and which behaviour they are of."""
        return {"behaviour": type(self).__name__, **super().to_dict()}

    def round(self, peer: Actor, theta: Tensor, number: int) -> bytes | None:
        """Return what the peer sends: by default what came out of training, changed by `change`."""
        delta = peer.trained(self.start(peer, theta, number), number, self.steps(peer, number))
        return peer.send(self.change(peer, delta, number), number)

    def start(self, peer: Actor, theta: Tensor, number: int) -> Tensor:
        """Return the parameters that training starts from."""
        return theta

    def steps(self, peer: Actor, number: int) -> int | None:
        """Return how many inner steps the peer makes, None for all."""
        return None

    def data_of(self, peer: Actor, number: int) -> int:
        """Return whose assigned samples the peer trains on."""
        return peer.index

    def data_round(self, number: int) -> int:
        """Return of which round these samples are."""
        return number

    def change(self, peer: Actor, delta: Tensor, number: int) -> Tensor:
        """Return the pseudo-gradient that is packed."""
        return delta

    def uploads_after(self, peer: Actor, number: int, honest: float) -> float:
        """Return when the peer sends, given when an honest one would (s)."""
        return honest

    def waits(self, number: int) -> bool:
        """Return whether the peer sends after everybody else, having looked into the bucket."""
        return False


@dataclasses.dataclass(frozen=True)
class Honest(Behaviour):
    """Does what it should."""


@dataclasses.dataclass(frozen=True)
class Turns(Behaviour):
    """Behaves like `first` for `after` rounds, then like `then`.

    >>> Turns(after=5)
    Traceback (most recent call last):
    locolab.config.ConfigError: Turns.then should be a behaviour that differs from first
    """

    after: int = 10
    first: Behaviour = dataclasses.field(default_factory=Honest)
    then: Behaviour = dataclasses.field(default_factory=Honest)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.first == self.then:
            raise ConfigError("Turns.then should be a behaviour that differs from first")

    def now(self, number: int) -> Behaviour:
        """Return the behaviour of a round."""
        return self.then if number >= self.after else self.first

    def round(self, peer: Actor, theta: Tensor, number: int) -> bytes | None:
        """Return what the behaviour of the round sends."""
        return self.now(number).round(peer, theta, number)

    def start(self, peer: Actor, theta: Tensor, number: int) -> Tensor:
        """Return where the behaviour of the round starts."""
        return self.now(number).start(peer, theta, number)

    def data_of(self, peer: Actor, number: int) -> int:
        """Return whose samples the behaviour of the round trains on."""
        return self.now(number).data_of(peer, number)

    def data_round(self, number: int) -> int:
        """Return of which round they are."""
        return self.now(number).data_round(number)

    def uploads_after(self, peer: Actor, number: int, honest: float) -> float:
        """Return when the behaviour of the round sends."""
        return self.now(number).uploads_after(peer, number, honest)

    def waits(self, number: int) -> bool:
        """Return whether the behaviour of the round sends last."""
        return self.now(number).waits(number)


def misbehaving(
    n_peers: int, share: float, behaviours: tuple[Behaviour, ...], seed: int = 0
) -> Mapping[int, Behaviour]:
    """Return who behaves how when a share of the peers misbehaves; the rest is honest and not named.

    Which peers do is drawn by `seed`; several behaviours take turns over them. Raises ConfigError for a share
    outside 0..1 or no behaviour.

    >>> {peer: type(each).__name__ for peer, each in misbehaving(8, 0.25, (Honest(),)).items()}
    {1: 'Honest', 3: 'Honest'}
    """
    if not 0 <= share <= 1 or not behaviours:
        raise ConfigError(f"give a share in 0..1 and at least one behaviour, got {share} and {behaviours}")
    chosen = np.random.default_rng([seed, _STREAM]).permutation(n_peers)[: round(share * n_peers)]
    return {peer: behaviours[place % len(behaviours)] for place, peer in enumerate(sorted(map(int, chosen)))}
