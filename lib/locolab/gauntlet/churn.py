"""`Churn`: peers who come, go, return and crash, as a seeded process that has the run's numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import pdtr

from locolab.config import Config, ConfigError
from locolab.train import Roster

CAP, CONTRIBUTING, SUBMITTING, UNIQUE = 20, 16.9, 24.4, 70
"""Of the run: seats, mean peers contributing and submitting a round, and different peers in all (at least):
arXiv 2603.08163, section 4."""

_STREAM = 4  # keeps these draws apart from those of samples, probes, uploads and behaviours


@dataclasses.dataclass(frozen=True)
class Expected:
    """Means of the process: peers a round, and different peers over all rounds."""

    live: float
    submitting: float
    usable: float
    contributing: float
    unique: float


@dataclasses.dataclass(frozen=True)
class Churn(Config):
    """A schedule: how many peers take part is a Poisson process that is stationary from the first round on.

    Each round a peer leaves with probability 1 / `stay`, and a Poisson number of others arrive: a share
    `returning` of them was there before (where anybody is absent), the rest is new. Of those who leave, a
    share `keeping` keeps its memory. In a round a peer crashes with probability `crash`: half of the crashes
    leave nothing in the bucket, half a part of the payload, and all of them the memory empty. Further uploads
    are cut short, as many as leave `contributing` of the `cap` seats filled on average.

    Why submissions of the run went unused is not published: here it is cut uploads alone. Who gets a seat
    is the validator's business. Raises ConfigError where `submitting` peers cannot fill as many seats.

    >>> Churn(cap=4, contributing=3.9, submitting=5.0)
    Traceback (most recent call last):
    locolab.config.ConfigError: 5.0 submitting peers fill fewer than 3.9 of 4 seats on average
    """

    rooms: ClassVar[tuple[str, ...]] = ("gauntlet",)

    cap: int = CAP
    contributing: float = CONTRIBUTING
    submitting: float = SUBMITTING
    stay: float = 30.0
    returning: float = 0.3
    keeping: float = 0.5
    crash: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("returning", "keeping", "crash"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"Churn.{name} should be in [0, 1), got {getattr(self, name)}")
        if not (self.cap >= 1 and self.stay >= 1 and self.submitting > 0 and self.seed >= 0):
            raise ConfigError(f"give cap, stay of at least 1, submitting above 0, seed from 0 on: {self}")
        if not 0 < self.contributing < seated(self._sound, self.cap):
            raise ConfigError(
                f"{self.submitting} submitting peers fill fewer than {self.contributing} of {self.cap} seats "
                "on average"
            )

    @classmethod
    def of_the_run(cls, rounds: int, scale: float = 1.0, seed: int = 0) -> Self:
        """Return the run's process, `scale` times as large, with as many different peers over `rounds`.

        The run is several thousand rounds long, so peers stay shorter here, in rounds, than they did.

        >>> churn = Churn.of_the_run(rounds=72)
        >>> churn.cap, round(churn.expected(72).unique, 6)
        (20, 70.0)
        """
        if rounds < 2 or scale <= 0:
            raise ConfigError(f"give at least 2 rounds and a scale above 0, got {rounds} and {scale}")
        numbers = {"contributing": CONTRIBUTING * scale, "submitting": SUBMITTING * scale}
        churn = cls(cap=max(1, round(CAP * scale)), seed=seed, **numbers)
        newcomers = UNIQUE * scale - churn.live
        return churn.replace(stay=max(1.0, (rounds - 1) * churn.live * (1 - churn.returning) / newcomers))

    @property
    def live(self) -> float:
        """Mean number of peers in a round."""
        return self.submitting / (1 - self.crash / 2)

    @property
    def cut(self) -> float:
        """Probability that the upload of a peer that did not crash is cut short."""
        usable = brentq(lambda mean: seated(mean, self.cap) - self.contributing, 0.0, self._sound)
        return 1 - usable / self._sound

    @property
    def _sound(self) -> float:
        """Mean number of peers in a round that do not crash."""
        return self.live * (1 - self.crash)

    def expected(self, rounds: int) -> Expected:
        """Return the process' means; of different peers a few more come, as at first nobody can return."""
        usable = self._sound * (1 - self.cut)
        unique = self.live * (1 + (rounds - 1) * (1 - self.returning) / self.stay)
        return Expected(self.live, self.submitting, usable, seated(usable, self.cap), unique)

    def rosters(self, rounds: int, seed: int) -> Sequence[Roster]:
        """Return who takes part in each round; drawn by the schedule's seed and the run's."""
        return _Process(self, seed).rosters(rounds)


def seated(mean: float, cap: int) -> float:
    """Return the mean of min(cap, X), where X is a Poisson number.

    >>> round(seated(100.0, 20), 6), round(seated(1.0, 20), 6)
    (20.0, 1.0)
    """
    return float(mean * (pdtr(cap - 2, mean) if cap > 1 else 0.0) + cap * (1 - pdtr(cap - 1, mean)))


class _Process:
    """The state of the process between two rounds."""

    def __init__(self, churn: Churn, seed: int) -> None:
        self._churn = churn
        self._cut = churn.cut
        self._draw = np.random.default_rng([churn.seed, seed, _STREAM])
        self._live: list[int] = []
        self._absent: dict[int, bool] = {}  # whether it kept its memory
        self._names = 0

    def rosters(self, rounds: int) -> list[Roster]:
        self._arrive(self._draw.poisson(self._churn.live), returning=0.0)
        rosters = [self._roster()]
        while len(rosters) < rounds:
            self._leave()
            self._arrive(self._draw.poisson(self._churn.live / self._churn.stay), self._churn.returning)
            rosters.append(self._roster())
        return rosters

    def _leave(self) -> None:
        gone = self._draw.random(len(self._live)) < 1 / self._churn.stay
        leavers = [peer for peer, goes in zip(self._live, gone, strict=True) if goes]
        for peer in leavers:
            self._absent[peer] = bool(self._draw.random() < self._churn.keeping)
            self._live.remove(peer)

    def _arrive(self, count: int, returning: float) -> None:
        returned = self._draw.random(count) < returning
        for back in returned:
            if back and self._absent:
                peer = list(self._absent)[self._draw.integers(len(self._absent))]
                del self._absent[peer]
            else:
                peer, self._names = self._names, self._names + 1
            self._live.append(peer)
        self._live.sort()

    def _roster(self) -> Roster:
        fate = self._draw.random(len(self._live))
        written = self._draw.random(len(self._live))
        crash, cut = self._churn.crash, self._churn.crash + (1 - self._churn.crash) * self._cut
        fates = list(zip(self._live, fate.tolist(), written.tolist(), strict=True))
        return Roster(
            live=tuple(self._live),
            away=tuple(sorted(peer for peer, kept in self._absent.items() if kept)),
            crashed=tuple(peer for peer, what, _ in fates if what < crash),
            arriving={
                peer: 0.0 if what < crash / 2 else max(share, 0.01)
                for peer, what, share in fates
                if what < cut
            },
        )
