"""Chapter 03: frozen pseudo-gradients of a real run, replayed through top-k and random-k."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from locolab.compress import CompressionSpec
from locolab.report import replay
from locolab.run.experiments.experiment import Experiment, Results, Settings

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


def feedback_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per seed, arm and round of replaying frozen pseudo-gradients; see `report.replay`."""
    return replay.account_runs([results[name] for name in experiment.specs()], FEEDBACK_SPECS)


EXPERIMENTS = {
    "feedback": Experiment(
        "frozen pseudo-gradients of a real run through top-k and random-k: decays and densities, 5 seeds",
        10,
        FROZEN,
        feedback_table,
    ),
}
