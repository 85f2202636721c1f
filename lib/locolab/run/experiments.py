"""The registry of recorded experiments: arms as data, trained once per seed, joined into one tidy table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from locolab.compress import CompressionSpec
from locolab.report import records, replay
from locolab.train import RunResult, TrainSpec

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED = 100
"""Trials are made with a seed that no reported run has."""

TOTAL_STEPS = 240
"""Inner steps of every arm, so that all see the same tokens: a multiple of every `local_steps` below."""

Settings = Mapping[str, Any]
Results = Mapping[str, RunResult]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A recorded experiment: its arms (label -> TrainSpec fields), the seeds of each, and its table.

    `minutes` is the expected time on two cores.
    """

    description: str
    minutes: int
    arms: Mapping[str, Settings]
    table: Callable[[Experiment, Results], pd.DataFrame]
    seeds: tuple[int, ...] = SEEDS

    def specs(self) -> dict[str, TrainSpec]:
        """Return the run of every arm and seed by label, seed by seed."""
        arms = {arm: TrainSpec(**settings) for arm, settings in self.arms.items()}
        return records.with_seeds(arms, self.seeds)


def at_steps(local_steps: int, **settings: Any) -> Settings:
    """Return settings of an arm that communicates every `local_steps` (H) inner steps and sees `TOTAL_STEPS`.

    Evaluated and checkpointed every 60 inner steps, whatever H is.

    >>> at_steps(15, method="averaging")["rounds"]
    16
    """
    return {
        "local_steps": local_steps,
        "rounds": TOTAL_STEPS // local_steps,
        "evaluate_every": 60 // local_steps,
        "checkpoint_every": 60 // local_steps,
        **settings,
    }


def diloco(outer_lr: float, outer_momentum: float) -> Settings:
    """Return DiLoCo's settings with Nesterov momentum; (1, 0) is averaging, so it is called that.

    >>> diloco(1.0, 0.0)
    {'method': 'averaging'}
    """
    if (outer_lr, outer_momentum) == (1.0, 0.0):
        return {"method": "averaging"}
    momentum = {"outer_momentum": outer_momentum, "nesterov": outer_momentum > 0}
    return {"method": "diloco", "outer_lr": outer_lr, **momentum}


PUBLISHED = (0.7, 0.9)
"""Outer learning rate and Nesterov momentum of arXiv 2311.08105."""

INNER_TRIALS: Mapping[str, tuple[Settings, tuple[float, ...]]] = {
    "adamw_dp": ({"method": "adamw_dp"}, (0.001, 0.002, 0.004, 0.008)),
    "averaging": ({"method": "averaging"}, (0.001, 0.002, 0.004, 0.008)),
    "diloco_published": (diloco(*PUBLISHED), (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008)),
}
"""Inner rates: four each, and more where the best was the lowest."""

OUTER_TRIALS = (
    *((1.0, momentum) for momentum in (0.0, 0.3, 0.5)),
    *((0.7, momentum) for momentum in (0.0, 0.3, 0.5, 0.9)),
    (0.5, 0.5),
)
"""Outer learning rate and momentum of tuned DiLoCo, on top of averaging's best inner rate."""

TUNING: Mapping[str, Settings] = {
    **{
        f"{name} inner_lr={rate}": at_steps(15, **method, inner_lr=rate)
        for name, (method, rates) in INNER_TRIALS.items()
        for rate in rates
    },
    **{
        f"diloco_tuned outer_lr={outer[0]} momentum={outer[1]}": at_steps(
            15, **diloco(*outer), inner_lr=0.004
        )
        for outer in OUTER_TRIALS
    },
}

TUNED: Mapping[str, Settings] = {
    "adamw_dp": {"method": "adamw_dp", "inner_lr": 0.002},
    "averaging": {"method": "averaging", "inner_lr": 0.004},
    "diloco_published": {**diloco(*PUBLISHED), "inner_lr": 0.0005},
    "diloco_tuned": {**diloco(0.7, 0.3), "inner_lr": 0.004},
}
"""The best trial of each; of tuned DiLoCo the best with momentum, since (1, 0) is averaging."""


def every(*steps: int) -> Mapping[str, Settings]:
    """Return data-parallel, and the other methods exchanging every so many inner steps."""
    names = ("averaging", "diloco_published", "diloco_tuned")
    arms = {f"{name} H={H}": at_steps(H, **TUNED[name]) for H in steps for name in names}
    return {"adamw_dp": at_steps(15, **TUNED["adamw_dp"]), **arms}


FROZEN_ROUNDS = 128
"""Twice the 4096 / 64 rounds after which every coordinate could have been sent once."""

FROZEN: Mapping[str, Settings] = {
    "frozen": {
        "method": "averaging",
        "local_steps": 5,
        "rounds": FROZEN_ROUNDS,
        "keep_deltas": FROZEN_ROUNDS,
        "evaluate_every": 32,
        "checkpoint_every": 16,
    }
}
EXACT = CompressionSpec(quantizer="none")
FEEDBACK_SPECS = (
    *(EXACT.replace(decay=decay) for decay in (0.0, 0.95, 1.0)),
    *(EXACT.replace(k=k) for k in (4, 16, 256, 1024)),
)
"""What is replayed, top-k and random-k each: three decays at the paper's density, four other densities."""


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


def feedback_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per seed, arm and round of replaying frozen pseudo-gradients; see `report.replay`."""
    return replay.account_runs([results[name] for name in experiment.specs()], FEEDBACK_SPECS)


EXPERIMENTS: Mapping[str, Experiment] = {
    "local_steps": Experiment(
        "averaging and DiLoCo every 15 and 30 steps against data-parallel AdamW, equal tokens, 5 seeds",
        10,
        every(15, 30),
        rounds_table,
    ),
    "local_steps_sweep": Experiment("the same every 5 steps", 4, every(5), rounds_table),
    "local_steps_tuning": Experiment(
        "the trials behind local_steps, H = 15, on a seed of their own: inner rates and outer settings",
        10,
        TUNING,
        trials_table,
        (TUNING_SEED,),
    ),
    "feedback": Experiment(
        "frozen pseudo-gradients of a real run through top-k and random-k: decays and densities, 5 seeds",
        10,
        FROZEN,
        feedback_table,
    ),
}
