"""Chapter 04: what few-bit codes lose and cost on real and known values, and what training makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from locolab.compress import CompressionSpec, compress
from locolab.corpus import CorpusSpec
from locolab.report import payloads, records
from locolab.run.experiments.experiment import Experiment, Results, Settings, rounds_table
from locolab.run.experiments.together import ABLATION_SEEDS, ABLATION_STEPS, PAPER, TUNED, small

STAGES = {"nano": (1, 4, 16, 32), "mini": (1, 3, 6)}
"""Rounds that are looked at, from the first to the last; the learning rate has fallen to a tenth by then."""

REAL: Mapping[str, Settings] = {
    "nano": {"rounds": 32, "local_steps": 10, "batch": 2},
    "mini": {"rounds": 6, "local_steps": 5, "batch": 1, "corpus": CorpusSpec(vocab_size=2048)},
}
"""0.40 and 10.2 million parameters, two peers; the codec on the way has no part in what is learned."""

SIDE = 1024
"""Rows and columns of a drawn matrix: 256 chunks, so that the header weighs next to nothing."""

ERROR_ROUNDS = range(15, 151, 15)
"""Rounds of a long run at which the error of its own quantiser is measured."""


def real() -> Mapping[str, Settings]:
    """Return the runs whose pseudo-gradients are quantised."""
    return {
        preset: {
            "method": "sparseloco",
            "preset": preset,
            "n_peers": 2,
            "compression": PAPER,
            "evaluate_every": settings["rounds"],
            "evaluate_sequences": 8,
            "checkpoint_every": 8,
            "keep_deltas": settings["rounds"],
            **settings,
        }
        for preset, settings in REAL.items()
    }


def drawn(seed: int, side: int = SIDE) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield name and values of a square matrix from each known distribution, `side` a multiple of 64.

    The last one has normal values, and for each chunk a scale of its own.

    >>> [name for name, matrix in drawn(0, 64)]
    ['normal', 'Laplace', 'Student t, 3', 'normal, scales lognormal']
    """
    draw: Generator = np.random.default_rng(seed)
    shape = (side, side)
    yield "normal", draw.standard_normal(shape).astype(np.float32)
    yield "Laplace", draw.laplace(size=shape).astype(np.float32)
    yield "Student t, 3", draw.standard_t(3, shape).astype(np.float32)
    scales = draw.lognormal(size=(side // 64, side // 64)).repeat(64, axis=0).repeat(64, axis=1)
    yield "normal, scales lognormal", (scales * draw.standard_normal(shape)).astype(np.float32)


def drawn_table(seeds: tuple[int, ...], side: int = SIDE) -> pd.DataFrame:
    """Return what every quantiser loses and costs on values of known distributions, by source and seed."""
    rows = []
    for seed in seeds:
        for name, matrix in drawn(seed, side):
            values = {"w": torch.from_numpy(matrix)}
            empty = {"w": torch.zeros_like(values["w"])}
            exact = compress(values, empty, CompressionSpec(quantizer="none"))
            found = payloads.quantised(exact, payloads.QUANTISERS)
            rows += [{"source": name, "seed": seed, **row} for row in found]
    return pd.DataFrame(rows)


def quantisers_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per source (a model or a distribution), seed, round (real ones) and quantiser."""
    parts = [drawn_table(experiment.seeds)]
    for label, result in results.items():
        source = records.arm_of(label)
        found = payloads.losses([result], payloads.QUANTISERS, STAGES[source])
        parts.append(found.assign(source=source))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(round=table["round"].astype("Int64"))


def trained(spec: CompressionSpec, **settings: Any) -> Settings:
    """Return chapter 05's SparseLoCo of 150 rounds of 15 with other settings of compression."""
    return small(15, **{**TUNED["sparseloco"], "compression": spec, **settings})


def trained_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per run and round; `error` is what peer 0's own codes lost in some of them."""
    parts = []
    for label, result in results.items():
        own = result.spec.compression
        assert own is not None
        fields = {"quantizer": own.quantizer, "bits": own.bits, "group": own.group}
        found = payloads.losses([result], {"own": fields}, ERROR_ROUNDS)
        errors = found.assign(round=found["round"] - 1)[["round", "error"]]  # records count from 0
        parts.append(records.tidy({label: result}).merge(errors, how="left", on="round"))
    return pd.concat(parts, ignore_index=True)


def shorter() -> Mapping[str, Settings]:
    """Return the settings that `together_ablations` lacks, in runs as long as its own."""
    arms = {"thrifty": CompressionSpec.thrifty(), "bits=2 group=1": PAPER.replace(group=1)}
    return {
        name: small(15, ABLATION_STEPS, **{**TUNED["sparseloco"], "compression": spec})
        for name, spec in arms.items()
    }


EXPERIMENTS = {
    "quantisers": Experiment(
        "error and size of few-bit codes on pseudo-gradients of 0.40M and 10.2M parameters and on known "
        "distributions, 3 seeds",
        5,
        real(),
        quantisers_table,
        ABLATION_SEEDS,
    ),
    "wire_together": Experiment(
        "SparseLoCo with the public code's four bins and with a sign a value, 150 rounds of 15, 5 seeds",
        10,
        {
            "values=templar": trained(PAPER.replace(quantizer="templar", codec="entropy"), keep_deltas=150),
            "thrifty": trained(CompressionSpec.thrifty(), keep_deltas=150),
        },
        trained_table,
    ),
    "wire_pareto": Experiment(
        "what together_ablations lacks of few-bit codes: 50 rounds of 15, 3 seeds",
        3,
        shorter(),
        rounds_table,
        ABLATION_SEEDS,
    ),
}
