"""Rules: what a failed check costs and who may be aggregated, as values. Three named sets of them.

`PAPER` is our reading of what arXiv 2505.21684 states; `TEMPLAR` is our model of the public validator at
v2.1.3 (tplr-ai/templar, neurons/validator.py), of its rules and not of its code; `MENDED` is what we would
do, the mends of that project's later versions among it. The same validator runs all three.
"""

from __future__ import annotations

from dataclasses import dataclass

from locolab.config import Config, ConfigError
from locolab.gauntlet.checks import CHECKS
from locolab.gauntlet.rewards import Scheme

NEVER = -2.0
"""A floor below every moving average of work: no floor."""


@dataclass(frozen=True)
class Slash(Config):
    """What an event costs a peer, where its number is at least `above`.

    `event`: a check of `checks.CHECKS`; ``outage``: missing when most are; ``inactive``: absent, the number
    counts rounds. `score` and `work` multiply the final score and the moving average of assigned work;
    `reset` forgets the peer's record and rating; `ban`: rounds for which it stays out.
    """

    event: str = "present"
    above: float | None = None
    score: float = 1.0
    work: float = 1.0
    reset: bool = False
    ban: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        known = (*CHECKS, "outage", "inactive")
        if self.event not in known:
            raise ConfigError(f"Slash.event={self.event!r} is not known; choose one of {', '.join(known)}")


@dataclass(frozen=True)
class Rules(Config):
    """A validator's rules.

    - `slashes`: of several for one event, the last that applies counts. `outage`: below this share of
      arrivals a missing peer's event is ``outage``.
    - `excluding`: failed checks that keep a submission out of this round's aggregate.
    - `with_sync`: whether the final score is multiplied by the sync score.
    - `gain_share`: a submission stays out if its sender's gain on assigned data is on average below this
      share of the median gain, or this round below minus `harm` of it; a share of 0 asks nothing.
    - `work_floor`: after `settled` ratings a moving average of assigned work at or below it counts as none
      and keeps the peer out, in rounds in which the typical peer's average is at least `evidence`.
    - `seats`, `reserves`: who is aggregated, and who steps in; ordered by the final scores of the last
      round that `refresh` divides.
    - `scheme`: of `rewards.reward_weights`.
    """

    name: str = "mended"
    slashes: tuple[Slash, ...] = ()
    outage: float = 0.0
    excluding: tuple[str, ...] = CHECKS
    with_sync: bool = True
    gain_share: float = 0.1
    harm: float = 0.25
    work_floor: float = 0.1
    settled: int = 15
    evidence: float = 0.5
    seats: int = 20
    reserves: int = 10
    refresh: int = 1
    scheme: Scheme = "templar"

    def cost(self, event: str, number: float) -> Slash:
        """Return what an event costs; one without a rule costs nothing.

        >>> TEMPLAR.cost("copy", 0.55).reset, TEMPLAR.cost("copy", 0.45).score, PAPER.cost("copy", 1.0).score
        (True, 0.5, 1.0)
        """
        own = [slash for slash in self.slashes if slash.event == event]
        fitting = [slash for slash in own if slash.above is None or number >= slash.above]
        return fitting[-1] if fitting else Slash(event)


PAPER = Rules(
    name="paper", with_sync=False, gain_share=0.0, work_floor=NEVER, settled=0, reserves=0, scheme="paper"
)
"""Who fails a fast check is left out of the round; the best G are aggregated; nothing else is stated."""

TEMPLAR = Rules(
    name="templar",
    slashes=(
        Slash("present", score=0.75, work=0.75),
        Slash("window", score=0.75, work=0.75),
        Slash("outage", score=0.0, work=0.0),
        Slash("content", score=0.0),
        Slash("sync", score=0.75, work=0.75),
        Slash("copy", 0.4, score=0.5, work=0.5),
        Slash("copy", 0.5, reset=True),
        Slash("copy", 0.6, reset=True, ban=200),
        Slash("inactive", 3, score=0.75),
        Slash("inactive", 7, reset=True),
    ),
    outage=0.4,
    excluding=("present", "window", "content"),
    gain_share=0.0,
    work_floor=NEVER,
    settled=0,
    refresh=5,
)
"""Who is out of sync or copies is slashed, but aggregated in that round; seats ask for no positive score."""

MENDED = Rules(
    slashes=(
        Slash("present", score=0.75, work=0.75),
        Slash("window", score=0.75, work=0.75),
        Slash("content", score=0.75, work=0.75),
        Slash("norm", score=0.75, work=0.75),
        Slash("sync", score=0.75, work=0.75),
        Slash("copy", score=0.5, work=0.5),
    ),
)
"""Every failed check keeps out of the round, and so does a gain far below the others'; nobody is banned, and
no record is ever forgotten, so that staying away clears none."""

RULES = {rules.name: rules for rules in (PAPER, TEMPLAR, MENDED)}
"""The sets by name."""
