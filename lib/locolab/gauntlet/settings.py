"""`GauntletSpec`: everything that decides a validator's verdicts, checked at construction."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from locolab.config import Config, ConfigError
from locolab.gauntlet.checks import Limits
from locolab.gauntlet.draws import SOURCES
from locolab.gauntlet.rules import MENDED, Rules

if TYPE_CHECKING:
    from locolab.gauntlet.validator import Gauntlet


@dataclasses.dataclass(frozen=True)
class GauntletSpec(Config):
    """One validator.

    - `sequences`: of assigned and of random data, each, that an update is scored on; `source`: what of the
      assigned data they come from, see `draws.Draws`.
    - `step`: c, the share of the outer learning rate with which one update is applied for scoring.
    - `sample`: how many peers are scored a round, drawn anew each time; 0 scores all.
    - `memory`: alpha of the moving average of assigned work; `gain_memory`: of that of gains; `beta`, `tau`:
      of the ratings.
    - `history`: past rounds' parameters that a probe is compared with; `probes`: whether peers publish any.
    - `seed`: the validator's secret, which decides what it draws.

    The defaults of c, 8 sequences, alpha, beta and tau are the run's (tplr-ai/templar v2.1.3, hparams.json).
    """

    rooms: ClassVar[tuple[str, ...]] = ("gauntlet",)
    """Whose code decides the verdicts, beside what a training run names already."""
    libraries: ClassVar[tuple[str, ...]] = ("openskill",)
    """Whose version may decide them."""

    limits: Limits = dataclasses.field(default_factory=Limits)
    rules: Rules = MENDED
    sequences: int = 8
    source: str = "trained"
    step: float = 0.2
    sample: int = 0
    memory: float = 0.05
    gain_memory: float = 0.1
    beta: float = 7.0
    tau: float = 0.1
    probes: bool = True
    history: int = 5
    sync_version: str = "2.1.3"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, holds, what in (
            ("sequences", self.sequences >= 1, "at least 1"),
            ("source", self.source in SOURCES, f"one of {', '.join(SOURCES)}"),
            ("step", 0 < self.step < float("inf"), "positive and finite"),
            ("sample", self.sample >= 0, "at least 0"),
            ("memory", 0 < self.memory <= 1, "in (0, 1]"),
            ("gain_memory", 0 < self.gain_memory <= 1, "in (0, 1]"),
            ("beta", 0 < self.beta < float("inf"), "positive and finite"),
            ("tau", 0 <= self.tau < float("inf"), "at least 0 and finite"),
            ("history", self.history >= 1, "at least 1"),
            ("seed", self.seed >= 0, "at least 0"),
        ):
            if not holds:
                raise ConfigError(f"GauntletSpec.{name} should be {what}, got {getattr(self, name)!r}")

    def build(self) -> Gauntlet:
        """Return a validator with these settings that has seen nothing yet."""
        from locolab.gauntlet.validator import Gauntlet  # which is built on these settings

        return Gauntlet(self)
