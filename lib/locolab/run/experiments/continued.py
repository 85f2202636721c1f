"""Chapter 09: a pretrained model trained further by two peers, with SparseLoCo and data-parallel AdamW."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import torch

from locolab import corpus, evaluate
from locolab.compress import CompressionSpec
from locolab.corpus import Corpus, CorpusSpec, facts
from locolab.corpus.tokens import encode
from locolab.report.records import arm_of
from locolab.report.scores import counts
from locolab.run.experiments.experiment import (
    TUNING_SEED,
    Experiment,
    Results,
    Settings,
    trials_table,
)

SEEDS = (0,)
ROUNDS, TRIAL_ROUNDS = 20, 3

TEXT = CorpusSpec(name="facts+wiki", vocab_size=49152, tokenizer="smollm2")

COMMON: Settings = {
    "preset": "smollm2",
    "start": "smollm2",
    "corpus": TEXT,
    "context": 128,
    "n_peers": 2,
    "local_steps": 5,
    "batch": 1,
    "evaluate_sequences": 32,
}
"""Short windows and one sequence a peer and step: 1,280 tokens a round, of two peers together."""

METHODS: Mapping[str, Settings] = {
    "adamw_dp": {"method": "adamw_dp"},
    "sparseloco": {"method": "sparseloco", "compression": CompressionSpec(codec="packed")},
}
RATES: Mapping[str, tuple[float, ...]] = {
    "adamw_dp": (5e-5, 2e-4, 8e-4),
    "sparseloco": (2e-4, 8e-4, 3.2e-3),
}
"""Three trials each: one coordinate in 64 moves in a round of SparseLoCo, so its rates are larger.

The third was added after the first two, of which the larger was the better for both methods.
"""

TUNED: Mapping[str, float] = {"adamw_dp": 2e-4, "sparseloco": 8e-4}
"""The best of the recorded trials, in the middle of each grid."""

START = "start"
"""The model before any of this training."""

QUESTIONS = {"facts_continuation": 600, "mmlu_continuation": 300}
ARTICLES, RETOLD_EVERY = 100, 4
"""Held-out articles that are read; of the retold facts, one document in so many."""


def run_of(arm: str, inner_lr: float, rounds: int) -> Settings:
    """Return the settings of a run that is evaluated at its end only, where it is stored too."""
    once = {"rounds": rounds, "evaluate_every": rounds, "checkpoint_every": rounds}
    return {**COMMON, **METHODS[arm], **once, "inner_lr": inner_lr}


def scores_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per model, seed, suite and split; the first model is the start itself.

    Columns: model (an arm, or ``start``), seed, suite (in cloze form, or ``bits_per_byte``), split (of the
    facts' questions, ``all`` of MMLU's, or the text that is read), n: questions or documents, correct: how
    many are right, value: their share, or bits per byte; answers: 1 or 0 for each question, in one order for
    all models; tokens of all peers, sent_bytes of one, inner_lr.
    Everything is computed in bfloat16, in which the control is scored too.
    """
    model, tokenizer = evaluate.load_control()
    texts = {"wiki": corpus.load(TEXT), "facts": retold(corpus.load(TEXT))}
    nothing = {"tokens": 0, "sent_bytes": 0.0, "inner_lr": None}
    rows = [{"model": START, "seed": 0, **row, **nothing} for row in scores(model, tokenizer, START, texts)]
    for label, result in results.items():
        model.load_state_dict(result.load_model().state_dict())
        last, spec = result.rounds[-1], result.spec
        costs = {"tokens": last.tokens, "sent_bytes": last.sent_bytes, "inner_lr": spec.inner_lr}
        named = {"model": arm_of(label), "seed": spec.seed}
        rows += [{**named, **each, **costs} for each in scores(model, tokenizer, label, texts)]
    return pd.DataFrame(rows).astype({"correct": "Int64"})


def scores(
    model: torch.nn.Module, tokenizer: Any, label: str, texts: Mapping[str, Corpus]
) -> Iterator[dict[str, Any]]:
    """Yield what one model reaches: suite, split, n, correct, value, answers."""
    for suite, limit in QUESTIONS.items():
        found = evaluate.evaluate(model, tokenizer, suite, label=label, limit=limit)
        for row in counts(found):
            right = found.answers("acc", None if row["split"] == "all" else row["split"])
            yield {**row, "answers": "".join(map(str, right))}
    for name, text in texts.items():
        bits = evaluate.bits_per_byte(model, tokenizer, text, ARTICLES)
        n = min(ARTICLES, int((text.validation == 0).sum()))
        yield {
            "suite": "bits_per_byte",
            "split": name,
            "n": n,
            "correct": None,
            "value": bits,
            "answers": None,
        }


def retold(text: Corpus) -> Corpus:
    """Return the corpus with facts to validate on: told once more than in training, where that reads anew."""
    told = [document.text for document in facts.documents(TEXT.seed, facts.PASSES)]
    more = [document.text for document in facts.documents(TEXT.seed, facts.PASSES + 1)][len(told) :]
    new = [each for each in more if each not in set(told)][::RETOLD_EVERY]
    return dataclasses.replace(text, validation=encode(text.tokenizer, new))


EXPERIMENTS = {
    "continued": Experiment(
        "SmolLM2-135M-Instruct (Q4_1 dequantised) trained further by two peers, 20 rounds of 5, 1 seed: "
        "data-parallel and SparseLoCo",
        40,
        {arm: run_of(arm, rate, ROUNDS) for arm, rate in TUNED.items()},
        scores_table,
        SEEDS,
        pretrained="smollm2",
    ),
    "continued_tuning": Experiment(
        "three trials of the learning rate for each method of continued, 3 rounds, on a seed of their own",
        20,
        {
            f"{arm} trial {number}": run_of(arm, rate, TRIAL_ROUNDS)
            for arm, rates in RATES.items()
            for number, rate in enumerate(rates)
        },
        trials_table,
        (TUNING_SEED,),
        pretrained="smollm2",
    ),
}
