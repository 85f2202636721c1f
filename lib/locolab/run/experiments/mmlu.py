"""Chapter 09: all questions of the four suites, put to the pretrained control and to models of three methods.

Every subject is kept as soon as it is answered, so that a stopped recording goes on where it was.
"""

from __future__ import annotations

import functools
import multiprocessing
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
    spec = next(iter(_results.values())).spec
    live = build(spec.model, spec.seed) if model == UNTRAINED else _results[model].load_model()
    return Candidate(live.eval(), corpus.load(spec.corpus).tokenizer)


def ask(results: Results, jobs: int) -> None:
    """Let every model answer every suite, `jobs` processes side by side; what is in the cache is not asked.

    A process holds the control and its activations, about 2 GB. Raises MissingPackage, which says what to
    run, without the control or the questions.
    """
    _hold(results)
    candidate(CONTROL)
    todo = pending(_models())
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=_hold, initargs=(results,)) as pool:
        for _ in tqdm(pool.imap_unordered(answer, todo), total=len(todo), unit="subject"):
            pass


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
    _hold(results)
    found = [_evaluation(model, name) for model in _models() for name in evaluate.SUITES]
    frame = table(found)
    frame.attrs.update(card(found))
    return frame


def _hold(results: Results) -> None:
    """Keep the results by arm, and one thread: more would wait for each other beside other processes."""
    global _results
    _results = {arm_of(label): result for label, result in results.items()}
    candidate.cache_clear()
    torch.set_num_threads(1)


def _models() -> tuple[str, ...]:
    return (CONTROL, UNTRAINED, *_results)


def _evaluation(model: str, name: str) -> Evaluation:
    asked = candidate(model)
    return evaluate.evaluate(
        asked.model, asked.tokenizer, name, label=model, batch_size=asked.batch_size, progress=False
    )


EXPERIMENTS = {
    "mmlu_answers": Experiment(
        "every question of MMLU and of the facts in both forms, put to the control "
        f"({evaluate.CONTROL_NAME}), to an untrained model and to one model of each method",
        60,
        facts.ARMS,
        answers_table,
        (SEED,),
        ask,
        "smollm2",
    ),
}
