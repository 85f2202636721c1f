"""`FirstCome`: seats for those who send first, and no other judgement: the cap without a Gauntlet."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from locolab.config import Config, ConfigError
from locolab.train import Submissions, Validator


@dataclasses.dataclass(frozen=True)
class FirstCome(Config):
    """Settings of a validator that aggregates the first `seats` well-formed submissions of a round.

    >>> FirstCome(seats=0)
    Traceback (most recent call last):
    locolab.config.ConfigError: FirstCome.seats should be at least 1, got 0
    """

    rooms: ClassVar[tuple[str, ...]] = ("gauntlet",)
    libraries: ClassVar[tuple[str, ...]] = ()

    seats: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seats < 1:
            raise ConfigError(f"FirstCome.seats should be at least 1, got {self.seats}")

    def build(self) -> Validator:
        """Return the validator."""
        return _Seats(self.seats)


class _Seats(Validator):
    def __init__(self, seats: int) -> None:
        self._seats = seats

    def review(self, round: Submissions) -> Sequence[int]:
        """Return those who sent first, ties by the lower number; a later one is in reserve."""
        sound = [peer for peer in round.peers if round.update(peer) is not None]
        order = sorted(sound, key=lambda peer: (round.uploaded(peer), peer))
        for peer in order[self._seats :]:
            round.refuse(peer, "in reserve: the seats were taken")
        return order[: self._seats]
