"""Chapter 09: three methods on a text that tells and asks facts; what the models know of them afterwards."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from locolab.corpus import CorpusSpec
from locolab.report.scores import scores
from locolab.run.experiments.experiment import Experiment, Results, Settings
from locolab.run.experiments.together import TUNED

SEEDS = (0, 1, 2)
ROUNDS = 150
METHODS = ("adamw_dp", "diloco_tuned", "sparseloco")

QUESTIONS = {"facts_continuation": 2640, "facts": 2640, "mmlu_continuation": 2000, "mmlu": 2000}
"""All facts; of MMLU a fixed stratified sample."""

DOCUMENTS = 100


COMMON: Settings = {
    "preset": "nano",
    "corpus": CorpusSpec(name="wiki+facts"),
    "batch": 2,
    "local_steps": 15,
    "rounds": ROUNDS,
    "evaluate_every": ROUNDS,
    "checkpoint_every": 50,
}
ARMS: Mapping[str, Settings] = {name: {**COMMON, **TUNED[name]} for name in METHODS}
"""By method: equal tokens, rates as tuned on the other text."""


def answers_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per arm, seed, suite and split; see `report.scores.scores`."""
    return scores(results, QUESTIONS, DOCUMENTS)


EXPERIMENTS = {
    "facts_models": Experiment(
        f"data-parallel, tuned DiLoCo and SparseLoCo on wiki and facts, {ROUNDS} rounds of 15, 3 seeds",
        40,
        ARMS,
        answers_table,
        SEEDS,
    ),
}
