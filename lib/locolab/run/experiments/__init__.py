"""The registry of recorded experiments, one module for each chapter that draws them."""

from __future__ import annotations

from collections.abc import Mapping

from locolab.run.experiments import (
    adversaries,
    continued,
    crowd,
    facts,
    feedback,
    local_steps,
    mmlu,
    quantisers,
    together,
)
from locolab.run.experiments.experiment import Experiment

EXPERIMENTS: Mapping[str, Experiment] = {
    **local_steps.EXPERIMENTS,
    **feedback.EXPERIMENTS,
    **quantisers.EXPERIMENTS,
    **together.EXPERIMENTS,
    **adversaries.EXPERIMENTS,
    **crowd.EXPERIMENTS,
    **continued.EXPERIMENTS,
    **facts.EXPERIMENTS,
    **mmlu.EXPERIMENTS,
}

__all__ = ["EXPERIMENTS", "Experiment"]
