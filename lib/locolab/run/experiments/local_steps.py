"""Chapter 02: exchanging rarely; averaging and DiLoCo against data-parallel AdamW."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from locolab.run.experiments.experiment import (
    PUBLISHED,
    TUNING_SEED,
    Experiment,
    Settings,
    diloco,
    rounds_table,
    trials_table,
)

TOTAL_STEPS = 240
"""Inner steps of every arm, so that all see the same tokens: a multiple of every `local_steps` below."""


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


EXPERIMENTS = {
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
}
