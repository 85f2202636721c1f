"""The registry of recorded experiments: arms as data, trained once per seed, joined into one tidy table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from locolab.compress import CompressionSpec
from locolab.report import replay
from locolab.train import RunResult, TrainSpec

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED = 100
"""Trials are made with a seed that no reported run has."""

TOTAL_STEPS = 780
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
        """Return the run of every arm and seed by label."""
        return {
            label(arm, seed): TrainSpec(**settings, seed=seed)
            for arm, settings in self.arms.items()
            for seed in self.seeds
        }


def label(arm: str, seed: int) -> str:
    """Return the name of one run of an arm."""
    return f"{arm}, seed {seed}"


def at_steps(local_steps: int, **settings: Any) -> Settings:
    """Return settings of an arm that communicates every `local_steps` (H) inner steps and sees `TOTAL_STEPS`.

    Evaluated every 60 inner steps and checkpointed every 150, whatever H is.

    >>> at_steps(15, method="averaging")["rounds"]
    52
    """
    return {
        "local_steps": local_steps,
        "rounds": TOTAL_STEPS // local_steps,
        "evaluate_every": 60 // local_steps,
        "checkpoint_every": 150 // local_steps,
        **settings,
    }


DILOCO_PUBLISHED: Settings = {"method": "diloco", "outer_lr": 0.7, "outer_momentum": 0.9, "nesterov": True}
"""The outer optimiser of arXiv 2311.08105: Nesterov, learning rate 0.7, momentum 0.9."""

DILOCO_TUNED: Settings = {"method": "diloco", "outer_lr": 1.0, "outer_momentum": 0.5, "nesterov": True}
"""The best of `local_steps_tuning` for four peers at our scale."""

METHODS: Mapping[str, Settings] = {
    "averaging": {"method": "averaging"},
    "diloco_published": DILOCO_PUBLISHED,
    "diloco_tuned": DILOCO_TUNED,
}

LOCAL_STEPS: Mapping[str, Settings] = {
    "adamw_dp": at_steps(15, method="adamw_dp"),
    **{f"{name} H={H}": at_steps(H, **method) for name, method in METHODS.items() for H in (5, 15, 30)},
}

NINE_RATES = tuple(round(1e-3 * 2 ** (i / 2), 5) for i in range(9))
OUTER_TRIALS = ((0.5, 0.9), (0.7, 0.5), (1.0, 0.5))

TUNING: Mapping[str, Settings] = {
    **{
        f"{name} inner_lr={rate}": at_steps(15, **method, inner_lr=rate)
        for name, method in {
            "adamw_dp": {"method": "adamw_dp"},
            "averaging": {"method": "averaging"},
            "diloco_published": DILOCO_PUBLISHED,
        }.items()
        for rate in NINE_RATES
    },
    **{
        f"diloco_tuned inner_lr={rate} outer_lr={outer} momentum={momentum}": at_steps(
            15, method="diloco", inner_lr=rate, outer_lr=outer, outer_momentum=momentum, nesterov=True
        )
        for rate in NINE_RATES[2:7:2]
        for outer, momentum in OUTER_TRIALS
    },
}
"""Nine trials for each of four methods."""

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
    """Return one row per run and round that was evaluated, with the run's arm."""
    frames = [
        results[label(arm, seed)].frame().assign(arm=arm)
        for arm in experiment.arms
        for seed in experiment.seeds
    ]
    table = pd.concat(frames, ignore_index=True)
    return table[table.validation_loss.notna()].reset_index(drop=True)


def trials_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per trial: its arm's settings and the validation loss it ended with."""
    keep = ("method", "local_steps", "inner_lr", "outer_lr", "outer_momentum")
    rows = []
    for arm in experiment.arms:
        for seed in experiment.seeds:
            done = results[label(arm, seed)]
            settings = {name: getattr(done.spec, name) for name in keep}
            final = done.rounds[-1].validation_loss
            rows.append({"arm": arm.split(" ")[0], "seed": seed, **settings, "validation_loss": final})
    return pd.DataFrame(rows)


def feedback_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per seed, arm and round of replaying frozen pseudo-gradients; see `report.replay`."""
    return replay.account_runs([results[name] for name in experiment.specs()], FEEDBACK_SPECS)


EXPERIMENTS: Mapping[str, Experiment] = {
    "local_steps": Experiment(
        "averaging and DiLoCo every H = 5, 15, 30 steps against data-parallel AdamW, equal tokens, 5 seeds",
        30,
        LOCAL_STEPS,
        rounds_table,
    ),
    "local_steps_tuning": Experiment(
        "the trials behind local_steps: nine per method, on a seed of their own",
        20,
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
