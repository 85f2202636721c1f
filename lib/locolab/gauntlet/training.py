"""Behaviours in training: less of it, on other data, from old parameters, late, or not each time."""

from __future__ import annotations

import dataclasses
from typing import Literal

import torch
from torch import Tensor

from locolab.config import ConfigError
from locolab.gauntlet.behaviour import Actor, Behaviour

COMPUTE_SECONDS = 1200.0
"""A round's inner steps on the hardware everybody should have: 20 minutes (arXiv 2603.08163, section 4.3)."""

_THETA = "theta."
_NOBODY = 1_000_000  # peers with such numbers do not exist: their samples are nobody's


@dataclasses.dataclass(frozen=True)
class Lazy(Behaviour):
    """Stops after a share of the inner steps.

    >>> Lazy(share=0.0)
    Traceback (most recent call last):
    locolab.config.ConfigError: Lazy.share should be in (0, 1], got 0.0
    """

    share: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share(self, "share", self.share)

    def steps(self, peer: Actor, number: int) -> int:
        """Return that share of the steps, at least one."""
        return max(1, round(self.share * peer.spec.local_steps))


@dataclasses.dataclass(frozen=True)
class Slow(Behaviour):
    """Honest on hardware of `speed` times the speed that the round is made for.

    With a fixed ``window`` it stops when time is up: fewer steps, in time. With fixed ``steps`` it makes all
    of them and sends when it is done: late.
    """

    speed: float = 0.5
    fixed: Literal["window", "steps"] = "window"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share(self, "speed", self.speed)
        if self.fixed not in ("window", "steps"):
            raise ConfigError(f"Slow.fixed should be 'window' or 'steps', got {self.fixed!r}")

    def steps(self, peer: Actor, number: int) -> int | None:
        """Return the steps that fit into the window, at least one, or all."""
        return max(1, int(self.speed * peer.spec.local_steps)) if self.fixed == "window" else None

    def uploads_after(self, peer: Actor, number: int, honest: float) -> float:
        """Return when it sends: later by what its steps take longer than `COMPUTE_SECONDS`."""
        return honest if self.fixed == "window" else honest + COMPUTE_SECONDS * (1 / self.speed - 1)


@dataclasses.dataclass(frozen=True)
class WrongData(Behaviour):
    """Trains on samples that it was not assigned: nobody's (``elsewhere``), or its first ones for ever."""

    source: Literal["elsewhere", "first"] = "elsewhere"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source not in ("elsewhere", "first"):
            raise ConfigError(f"WrongData.source should be 'elsewhere' or 'first', got {self.source!r}")

    def data_of(self, peer: Actor, number: int) -> int:
        """Return a number that no peer has, or its own."""
        return peer.index + _NOBODY * (self.source == "elsewhere")

    def data_round(self, number: int) -> int:
        """Return the round, or always 0."""
        return 0 if self.source == "first" else number


@dataclasses.dataclass(frozen=True)
class Desynchronised(Behaviour):
    """Starts from the parameters of `behind` rounds ago, or the oldest it saw."""

    behind: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.behind < 1:
            raise ConfigError(f"Desynchronised.behind should be at least 1, got {self.behind}")

    def start(self, peer: Actor, theta: Tensor, number: int) -> Tensor:
        """Return the old parameters; those of this round are remembered."""
        peer.memory.setdefault(_theta(number), theta.clone())
        kept = sorted(name for name in peer.memory if name.startswith(_THETA))
        for name in kept[: -self.behind - 1]:
            del peer.memory[name]
        return peer.memory[kept[-self.behind - 1 :][0]]


@dataclasses.dataclass(frozen=True)
class Late(Behaviour):
    """Trains as it should and sends `seconds` after the window opened."""

    seconds: float = 1000.0

    def uploads_after(self, peer: Actor, number: int, honest: float) -> float:
        """Return `seconds`."""
        return self.seconds


@dataclasses.dataclass(frozen=True)
class Intermittent(Behaviour):
    """Trains and sends in a share of the rounds, drawn anew each time."""

    share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share(self, "share", self.share)

    def round(self, peer: Actor, theta: Tensor, number: int) -> bytes | None:
        """Return an honest payload, or nothing."""
        if peer.generator(number).random() >= self.share:
            return None
        return super().round(peer, theta, number)


@dataclasses.dataclass(frozen=True)
class Sybil(Behaviour):
    """One of `of` names for one strong peer, `leader`: all send parts of what it trained.

    Each trains what the leader is assigned (the simulation repeats that work, their owner does it once) and
    sends the coordinates that fall to its `part`, so that no two of them share a position.
    """

    leader: int = 0
    part: int = 0
    of: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.part < self.of:
            raise ConfigError(f"Sybil.part should be 0 .. of - 1, got part={self.part}, of={self.of}")

    def data_of(self, peer: Actor, number: int) -> int:
        """Return the leader."""
        return self.leader

    def change(self, peer: Actor, delta: Tensor, number: int) -> Tensor:
        """Return the pseudo-gradient with zeros where another name sends it; the division never changes."""
        generator = torch.Generator().manual_seed(self.leader)
        return delta * (torch.randint(self.of, delta.shape, generator=generator) == self.part)


def sybils(peers: tuple[int, ...]) -> dict[int, Sybil]:
    """Return the behaviours of peers that all belong to the first of them.

    >>> sybils((4, 5))[5]
    Sybil(leader=4, part=1, of=2)
    """
    return {peer: Sybil(peers[0], part, len(peers)) for part, peer in enumerate(peers)}


def require_share(behaviour: Behaviour, name: str, value: float) -> None:
    """Raise ConfigError unless a setting is a share above 0 and at most 1."""
    if not 0 < value <= 1:
        raise ConfigError(f"{type(behaviour).__name__}.{name} should be in (0, 1], got {value}")


def _theta(number: int) -> str:
    return f"{_THETA}{number:08d}"
