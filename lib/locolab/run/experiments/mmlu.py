"""Chapter 09: all questions of the four suites, put to the pretrained control and to models of three methods.

Every subject is kept as soon as it is answered, so that a stopped recording goes on where it was.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import os
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import torch
from tqdm.auto import tqdm

from locolab import corpus, evaluate, provenance
from locolab.evaluate import Evaluation
from locolab.evaluate.answers import LIBRARIES, Candidate, answers
from locolab.evaluate.layout import mmlu_folder
from locolab.evaluate.quiet import quiet
from locolab.evaluate.suites import draw_sample, questions_of, suite
from locolab.model import build
from locolab.report.records import arm_of
from locolab.report.scores import UNTRAINED
from locolab.run.experiments import facts
from locolab.run.experiments.experiment import Experiment, Results

CONTROL = "control"
SEED = 0
MAX_PROCESSES = 4
"""Each holds the control and its activations, about 2 GB."""

Job = tuple[str, str, str]
"""A model, a suite and one of its subjects."""

_results: Results = {}


def pending(models: Iterable[str]) -> list[Job]:
    """Return every model's suites by subject, the most text first: no process waits long at the end."""
    sizes = {
        (name, subject): sum(len(q.question) + sum(map(len, q.choices)) for q in group)
        * (4 if evaluate.SUITES[name].form == "cloze" else 1)
        for name in evaluate.SUITES
        for subject, group in questions_of(name).items()
    }
    order = sorted(sizes, key=lambda job: -sizes[job])
    return [(model, *job) for model in models for job in order]


def answer(job: Job) -> Job:
    """Return the job after answering it, from the cache or now."""
    model, name, subject = job
    with quiet(mmlu_folder()):
        answers(candidate(model), suite(name), subject, draw_sample(name)[subject])
    return job


@functools.lru_cache(maxsize=2)
def candidate(model: str) -> Candidate:
    """Return a model by its name: the control, the untrained start, or what an arm ended with."""
    if model == CONTROL:
        return Candidate(*evaluate.load_control(), batch_size=8)
    result = _results.get(model) or next(iter(_results.values()))
    spec = result.spec
    live = build(spec.model, spec.seed) if model == UNTRAINED else result.load_model()
    return Candidate(live.eval(), corpus.load(spec.corpus).tokenizer)


def ask(results: Results) -> list[Evaluation]:
    """Return every model's evaluation of every suite; what is not in the cache is answered side by side.

    Raises MissingPackage, which says what to run, without the control or the questions.
    """
    arms = {arm_of(label): result for label, result in results.items()}
    _prepare(arms)
    models = (CONTROL, UNTRAINED, *arms)
    candidate(CONTROL)
    todo = pending(models)
    context = multiprocessing.get_context("spawn")
    jobs = min(os.cpu_count() or 1, MAX_PROCESSES)
    with context.Pool(jobs, initializer=_prepare, initargs=(arms,)) as pool:
        for _ in tqdm(pool.imap_unordered(answer, todo), total=len(todo), unit="subject"):
            pass
    return [_assemble(model, name) for model in models for name in evaluate.SUITES]


def table(found: Sequence[Evaluation]) -> pd.DataFrame:
    """Return one row a model and question.

    Columns: model, seed, suite, subject, place (its position there), split (of facts), and each metric as 0
    or 1 (acc_norm in cloze form only).
    """
    rows = []
    for each in found:
        groups = questions_of(each.suite)
        for subject, places in each.positions.items():
            for number, place in enumerate(places):
                split = getattr(groups[subject][place], "split", None)
                right = {metric: by[subject][number] for metric, by in each.correct.items()}
                what = {"suite": each.suite, "subject": subject, "place": place, "split": split}
                rows.append({"model": each.model, "seed": SEED, **what, **right})
    return pd.DataFrame(rows).astype({"acc": "int8", "acc_norm": "Int8"})


def card(found: Sequence[Evaluation]) -> dict[str, Any]:
    """Return the versions that decide answers, and each evaluation's result card without its answers."""
    kept = [{k: v for k, v in each.card().items() if k not in ("answers", "provenance")} for each in found]
    return {"libraries": provenance.versions(LIBRARIES), "cards": kept}


def answers_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return `table` of all models and suites, with `card` as its attributes."""
    found = ask(results)
    frame = table(found)
    frame.attrs.update(card(found))
    return frame


def _prepare(results: Results) -> None:
    global _results
    _results = results
    torch.set_num_threads(1)


def _assemble(model: str, name: str) -> Evaluation:
    asked = candidate(model)
    found = evaluate.evaluate(
        asked.model, asked.tokenizer, name, label=model, batch_size=asked.batch_size, progress=False
    )
    return dataclasses.replace(found, facts={k: v for k, v in found.facts.items() if k != "seconds"})


EXPERIMENTS = {
    "mmlu_answers": Experiment(
        "every question of MMLU and of the facts in both forms, put to the control "
        f"({evaluate.CONTROL_NAME}), to an untrained model and to one model of each method",
        90,
        facts.arms(),
        answers_table,
        (SEED,),
    ),
}
