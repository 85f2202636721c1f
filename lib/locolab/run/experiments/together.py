"""Chapter 05: SparseLoCo against its baselines at equal tokens; tuning, headline arms, rounds, ablations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from locolab.compress import CompressionSpec
from locolab.corpus import CorpusSpec
from locolab.run.experiments.experiment import (
    PUBLISHED,
    TUNING_SEED,
    Experiment,
    Results,
    Settings,
    diloco,
    rounds_table,
    trials_table,
)

PAPER = CompressionSpec(codec="packed")
"""64 of 4096 values, 2 bits, decay 0.95, 12-bit positions: arXiv 2603.08163, section 2.1."""

SMALL_STEPS, LARGE_STEPS, ABLATION_STEPS = 2250, 600, 750
"""Inner steps of every arm: 150 rounds of 15 at the smaller size, 40 at the larger, 50 in the ablations."""

ABLATION_SEEDS = (0, 1, 2)


def small(local_steps: int, steps: int = SMALL_STEPS, **settings: Any) -> Settings:
    """Return settings at the smaller size, exchanging every `local_steps`, for so many inner steps in all.

    >>> small(15, method="averaging")["rounds"]
    150
    """
    rounds = steps // local_steps
    return {
        "preset": "tiny",
        "corpus": CorpusSpec(vocab_size=512),
        "local_steps": local_steps,
        "rounds": rounds,
        "evaluate_every": max(1, rounds // 10),
        "evaluate_sequences": 256,
        "checkpoint_every": max(1, rounds // 10),
        **settings,
    }


def large(local_steps: int, **settings: Any) -> Settings:
    """Return settings at the larger size; an inner step has as many tokens as in `small`."""
    return small(local_steps, LARGE_STEPS, preset="nano", corpus=CorpusSpec(), batch=2, **settings)


LONG: Settings = {"rounds": 300, "evaluate_every": 30, "checkpoint_every": 30}


def sparse(inner_lr: float, spec: CompressionSpec = PAPER, **settings: Any) -> Settings:
    """Return SparseLoCo's settings."""
    return {"method": "sparseloco", "compression": spec, "inner_lr": inner_lr, **settings}


TUNED: Mapping[str, Settings] = {
    "adamw_dp": {"method": "adamw_dp", "inner_lr": 0.006},
    "averaging": {"method": "averaging", "inner_lr": 0.008},
    "diloco_published": {**diloco(*PUBLISHED), "inner_lr": 0.002},
    "diloco_tuned": {**diloco(0.7, 0.5), "inner_lr": 0.004},
    "sparseloco": sparse(0.008, outer_lr=2.0),
}
"""The best trial of each method, at the smaller size and H = 15."""

WIDE = (0.00035, 0.0005, 0.0007, 0.001, 0.0014, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.032)
TRIALS: Mapping[str, tuple[Settings, ...]] = {
    "adamw_dp": tuple({"method": "adamw_dp", "inner_lr": rate} for rate in WIDE),
    "diloco_published": tuple(
        {**diloco(*PUBLISHED), "inner_lr": rate} for rate in (0.00025, 0.0015, *WIDE[:4], *WIDE[5:13])
    ),
    "diloco_tuned": (
        *({**diloco(1.0, 0.0), "inner_lr": rate} for rate in (0.002, 0.004, 0.006, 0.008, 0.016)),
        *({**diloco(1.0, momentum), "inner_lr": 0.004} for momentum in (0.3, 0.5)),
        *({**diloco(0.7, momentum), "inner_lr": 0.004} for momentum in (0.3, 0.5, 0.7)),
        *({**diloco(0.7, 0.5), "inner_lr": rate} for rate in (0.002, 0.008)),
        {**diloco(0.7, 0.7), "inner_lr": 0.002},
        {**diloco(0.5, 0.7), "inner_lr": 0.004},
    ),
    "sparseloco": (
        *(sparse(rate) for rate in (0.002, 0.004, 0.008, 0.016, 0.032)),
        *(sparse(0.016, outer_lr=outer) for outer in (0.7, 1.4, 2.0)),
        *(sparse(0.008, outer_lr=outer) for outer in (1.4, 2.0, 2.8)),
        sparse(0.004, outer_lr=2.0),
        sparse(0.016, PAPER.replace(decay=0.9)),
        sparse(0.008, PAPER.replace(decay=0.98), outer_lr=1.4),
    ),
}
"""Fourteen for each method, inner rates first, then outer settings around the best; all are recorded."""

EXCHANGES = (5, 15, 30)
LENGTHS = (38, 75, 150)
"""Rounds of 15 inner steps; each length has a learning-rate schedule of its own."""


def headline(size: Any) -> Mapping[str, Settings]:
    """Return data-parallel, and DiLoCo and SparseLoCo at every H, at one size (`small` or `large`)."""
    names = ("diloco_published", "diloco_tuned", "sparseloco")
    others = {f"{name} H={H}": size(H, **TUNED[name]) for H in EXCHANGES for name in names}
    return {"adamw_dp": size(15, **TUNED["adamw_dp"]), **others}


def lengths() -> Mapping[str, Settings]:
    """Return runs of several lengths of data-parallel, tuned DiLoCo and SparseLoCo, H = 15."""
    names = ("adamw_dp", "diloco_tuned", "sparseloco")
    return {
        f"{name} rounds={rounds}": small(15, 15 * rounds, **TUNED[name])
        for rounds in LENGTHS
        for name in names
    }


def ablations() -> Mapping[str, Settings]:
    """Return SparseLoCo with one thing changed at a time, H = 15; ``paper`` changes nothing.

    Peers: the tokens of an inner step stay the same, divided by more or fewer of them. Chunks: the density
    stays 1/64. Numbers of values and the contributor mean change how long an outer step is, so they come
    with smaller outer learning rates too.
    """
    tuned = TUNED["sparseloco"]

    def arm(spec: CompressionSpec = PAPER, **settings: Any) -> Settings:
        return small(15, ABLATION_STEPS, **{**tuned, "compression": spec, **settings})

    def with_momentum(momentum: float) -> Settings:
        """Return an arm whose steps add up to those without momentum."""
        return arm(outer_momentum=momentum, nesterov=True, outer_lr=tuned["outer_lr"] * (1 - momentum))

    return {
        "paper": arm(),
        "positions=random": arm(selection="random"),
        **{f"decay={decay:g}": arm(PAPER.replace(decay=decay)) for decay in (0.0, 0.8, 0.9, 0.99, 1.0)},
        **{f"k={k}": arm(PAPER.replace(k=k)) for k in (16, 256, 1024, 4096)},
        **{f"k={k} outer_lr=1": arm(PAPER.replace(k=k), outer_lr=1.0) for k in (16, 64, 256, 1024, 4096)},
        **{f"bits={bits}": arm(PAPER.replace(bits=bits)) for bits in (1, 3)},
        "bits=1 group=1": arm(PAPER.replace(bits=1, group=1)),
        "values=fp32": arm(PAPER.replace(quantizer="none")),
        "values=templar": arm(PAPER.replace(quantizer="templar")),
        **{f"chunk={c}": arm(PAPER.replace(chunk=c, k=c // 64, codec="entropy")) for c in (256, 1024, 16384)},
        **{f"peers={n}": arm(n_peers=n, batch=16 // n) for n in (1, 2, 8, 16)},
        "mean=contributors": arm(rule="contributor_mean"),
        **{
            f"mean=contributors outer_lr={rate:g}": arm(rule="contributor_mean", outer_lr=rate)
            for rate in (1.0, 0.5)
        },
        "mean=contributors values=templar": arm(PAPER.replace(quantizer="templar"), rule="contributor_mean"),
        "clip=median_norm": arm(norm_clip="median_norm"),
        **{f"momentum={momentum:g}": with_momentum(momentum) for momentum in (0.3, 0.5, 0.9)},
    }


def tuning() -> Mapping[str, Settings]:
    """Return every trial: the smaller size, H = 15, as long as the headline runs.

    The wire format has no part in what is learned; here it is the library's own.
    """
    arms = {}
    for name, trials in TRIALS.items():
        for number, settings in enumerate(trials):
            trial = small(15, evaluate_every=30, checkpoint_every=30, **settings)
            if "compression" in trial:
                trial = {**trial, "compression": trial["compression"].replace(codec="entropy")}
            arms[f"{name} trial {number}"] = trial
    return arms


def trials_with_decay(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per trial, SparseLoCo's with its decay."""
    decays = [done.spec.compression.decay if done.spec.compression else None for done in results.values()]
    return trials_table(experiment, results).assign(decay=pd.array(decays, dtype="Float64"))


EXPERIMENTS = {
    "together": Experiment(
        "data-parallel, DiLoCo published and tuned, SparseLoCo; H = 5, 15, 30; 0.12M parameters, 5 seeds",
        40,
        headline(small),
        rounds_table,
    ),
    "together_large": Experiment(
        "the same with 0.40M parameters and 40 rounds of 15, 5 seeds",
        40,
        headline(large),
        rounds_table,
    ),
    "together_rounds": Experiment(
        "data-parallel, tuned DiLoCo and SparseLoCo in runs of 38, 75 and 150 rounds of 15, 5 seeds",
        12,
        lengths(),
        rounds_table,
    ),
    "together_ablations": Experiment(
        "SparseLoCo with one thing changed at a time, 50 rounds of 15, 3 seeds",
        40,
        ablations(),
        rounds_table,
        ABLATION_SEEDS,
    ),
    "together_long": Experiment(
        "SparseLoCo with 0.40M parameters for 300 rounds of 15, 1 seed",
        8,
        {"sparseloco H=15": {**large(15, **TUNED["sparseloco"]), **LONG}},
        rounds_table,
        (0,),
    ),
    "together_tuning": Experiment(
        "fourteen trials for each method of together, H = 15, on a seed of their own",
        40,
        tuning(),
        trials_with_decay,
        (TUNING_SEED,),
    ),
}
