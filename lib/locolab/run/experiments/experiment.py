"""What a recorded experiment is: arms as data, trained once per seed, joined into one tidy table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from locolab.report import records
from locolab.train import Arm, RunResult, TrainSpec

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED = 100
"""Trials are made with a seed that no reported run has."""

PUBLISHED = (0.7, 0.9)
"""Outer learning rate and Nesterov momentum of DiLoCo, arXiv 2311.08105."""

Settings = Mapping[str, Any]
Results = Mapping[str, RunResult]
Prepare = Callable[[Results, int], None]
"""Work behind the trainings, given their results and how many processes may work side by side."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A recorded experiment: its arms by label, the seeds of each, and its table.

    An arm is given by the fields of its TrainSpec, or as an `Arm` where a run needs more than that.
    `minutes` is the expected time on two cores. `prepare` does what is long behind the trainings and keeps
    what it has done, so that it can be stopped like them; the table then reads that. It is a function of a
    module. `pretrained` names the pretrained model that is needed. What the table has as `attrs` goes into
    the recording's card.
    """

    description: str
    minutes: int
    arms: Mapping[str, Settings | Arm]
    table: Callable[[Experiment, Results], pd.DataFrame]
    seeds: tuple[int, ...] = SEEDS
    prepare: Prepare | None = None
    pretrained: str = ""

    def specs(self) -> dict[str, Arm]:
        """Return the run of every arm and seed by label, seed by seed."""
        arms = {
            label: each if isinstance(each, Arm) else Arm(TrainSpec(**each))
            for label, each in self.arms.items()
        }
        return records.with_seeds(arms, self.seeds)


def diloco(outer_lr: float, outer_momentum: float) -> Settings:
    """Return DiLoCo's settings with Nesterov momentum; (1, 0) is averaging, so it is called that.

    >>> diloco(1.0, 0.0)
    {'method': 'averaging'}
    """
    if (outer_lr, outer_momentum) == (1.0, 0.0):
        return {"method": "averaging"}
    momentum = {"outer_momentum": outer_momentum, "nesterov": outer_momentum > 0}
    return {"method": "diloco", "outer_lr": outer_lr, **momentum}


def rounds_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per run and round, with the run's arm."""
    return records.tidy(results)


def trials_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per trial: its arm's settings and the validation loss it ended with."""
    keep = ("seed", "method", "local_steps", "rounds", "inner_lr", "outer_lr", "outer_momentum", "nesterov")
    rows = [
        {
            "arm": label.split(" ")[0],
            **{name: getattr(done.spec, name) for name in keep},
            "validation_loss": done.rounds[-1].validation_loss,
        }
        for label, done in results.items()
    ]
    return pd.DataFrame(rows)
