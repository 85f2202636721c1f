"""Who takes part in a round: what a schedule of joins, leaves and crashes says, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from locolab.config import ConfigError


@dataclass(frozen=True)
class Roster:
    """The peers of one round.

    `live` train and upload, ascending. `away` are not there but keep their memory (AdamW moments, error
    feedback) for a return. Who is in neither forgets. `crashed` forget after this round although they are
    live. `arriving` has the share of their payload that reaches the bucket where that is not all of it:
    0.0 is nothing at all, 0.5 a half-written one.

    >>> Roster(live=(0, 1, 2), crashed=(1,), arriving={1: 0.5}).arrives(1, b"payload!")
    b'payl'
    """

    live: tuple[int, ...]
    away: tuple[int, ...] = ()
    crashed: tuple[int, ...] = ()
    arriving: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if list(self.live) != sorted(set(self.live)) or any(peer < 0 for peer in self.live):
            raise ConfigError(f"Roster.live should be ascending numbers from 0 on, got {self.live}")
        if clash := set(self.live) & set(self.away):
            raise ConfigError(f"peers {sorted(clash)} cannot be live and away in one round")
        if strangers := {*self.crashed, *self.arriving} - set(self.live):
            raise ConfigError(f"peers {sorted(strangers)} crash or send, but are not live")
        if any(not 0 <= share < 1 for share in self.arriving.values()):
            raise ConfigError(f"Roster.arriving should be shares in [0, 1), got {dict(self.arriving)}")

    def arrives(self, peer: int, payload: bytes) -> bytes | None:
        """Return what of a peer's payload reaches the bucket, None if nothing does."""
        share = self.arriving.get(peer, 1.0)
        return payload[: int(share * len(payload))] if share else None


class Schedule(Protocol):
    """A value that says who takes part in each round of a run."""

    rooms: ClassVar[tuple[str, ...]]
    """Rooms whose code decides what it says."""

    def rosters(self, rounds: int, seed: int) -> Sequence[Roster]:
        """Return the rosters of the rounds, in their order; the last one also stands for any later round."""

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""


def everybody(n_peers: int) -> list[Roster]:
    """Return the rosters of a run that nobody joins or leaves.

    >>> everybody(3)[0].live
    (0, 1, 2)
    """
    return [Roster(tuple(range(n_peers)))]
