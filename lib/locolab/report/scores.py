"""Trained models and their untrained starts on the suites and on text: tidy rows, paired by seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from locolab import corpus, evaluate
from locolab.corpus import facts
from locolab.evaluate import Evaluation
from locolab.model import build
from locolab.report.records import arm_of, paired
from locolab.report.statistics import paired_interval

if TYPE_CHECKING:
    from locolab.train import RunResult, TrainSpec

UNTRAINED = "untrained"
"""The arm of the models that a training starts from, one a seed."""


def scores(
    results: Mapping[str, RunResult],
    questions: Mapping[str, int],
    documents: int,
    cards: Path | None = None,
) -> pd.DataFrame:
    """Return what every trained model reaches, and before them what each seed's start does.

    `questions` is how many of each suite are asked, `documents` how many validation documents are read. One
    row per arm, seed, suite and split; the columns are those of `counts`, and arm, seed. The suite
    ``bits_per_byte`` has the documents as n, no correct, and bits per UTF-8 byte as value. The folder `cards`
    gets a result card of every evaluation, ``ARM-SEED-SUITE.json``.
    """
    rows: list[dict[str, Any]] = []
    starts = {result.spec.seed: result.spec for result in results.values()}
    models: list[tuple[str, TrainSpec, RunResult | None]] = [
        *((UNTRAINED, spec, None) for spec in starts.values()),
        *((arm_of(label), result.spec, result) for label, result in results.items()),
    ]
    for arm, spec, result in models:
        model = (result.load_model() if result else build(spec.model, spec.seed)).eval()
        text = corpus.load(spec.corpus)
        named = {"arm": arm, "seed": spec.seed}
        for suite, limit in questions.items():
            found = evaluate.evaluate(
                model, text.tokenizer, suite, label=f"{arm} {spec.seed}", limit=limit, progress=False
            )
            if cards:
                found.save(cards / f"{arm}-{spec.seed}-{suite}.json")
            rows += [{**named, **row} for row in counts(found)]
        bits = evaluate.bits_per_byte(model, text.tokenizer, text, documents)
        rows.append(
            {
                **named,
                "suite": "bits_per_byte",
                "split": "all",
                "n": documents,
                "correct": None,
                "value": bits,
            }
        )
    return pd.DataFrame(rows).astype({"correct": "Int64"})


def counts(found: Evaluation) -> Iterator[dict[str, Any]]:
    """Yield suite, split (``all`` where there is none), n, correct, and value: the share that is right."""
    splits = [*facts.SPLITS] if found.suite.startswith("facts") else [None]
    for split in splits:
        right = found.answers("acc", split)
        if right:
            share, _, n = evaluate.accuracy(right)
            yield {
                "suite": found.suite, "split": split or "all", "n": n, "correct": sum(right), "value": share,
            }  # fmt: skip


def of(table: pd.DataFrame, suite: str, split: str = "all") -> pd.DataFrame:
    """Return one row per arm and seed: those of one suite and split."""
    return table[(table["suite"] == suite) & (table["split"] == split)]


def differences(sets: Mapping[str, pd.DataFrame], arms: Iterable[str], baseline: str) -> pd.DataFrame:
    """Return one row per set of questions and arm: its share right minus the baseline's, seed by seed.

    `sets` has the rows of `of` by name. Columns: questions, arm, difference, low and high (95 % t interval
    over seeds), seeds.
    """
    rows = []
    for (name, scored), arm in itertools.product(sets.items(), list(arms)):
        found = paired_interval(*paired(scored, arm, baseline, "value"))
        rows.append((name, arm, found.mean, found.low, found.high, found.n))
    return pd.DataFrame(rows, columns=["questions", "arm", "difference", "low", "high", "seeds"])
