"""Chapter 09: all questions of the four suites put to the pretrained control, one row a question.

Started by ``python -m locolab.run.experiments.mmlu MINUTES``. Every subject is kept as soon as it is
answered, so that a stopped recording goes on where it was and loses at most the subjects in work.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import sys
import time
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch

from locolab import evaluate, provenance
from locolab.evaluate import Evaluation
from locolab.evaluate.answers import LIBRARIES, Candidate, answers
from locolab.evaluate.layout import mmlu_folder
from locolab.evaluate.quiet import quiet
from locolab.evaluate.suites import draw_sample, questions_of, suite
from locolab.files import data_dir
from locolab.report import recorded

NAME = "mmlu_control"
BATCH = 8
DONE, TIME_IS_UP = 0, 4

Job = tuple[str, str]
"""A suite and one of its subjects."""

_candidate: Candidate | None = None


def record(max_minutes: float, jobs: int = 2) -> int:
    """Return 0 after recording ``mmlu_control``, 4 if the time was up first; then the same call goes on.

    Each of `jobs` processes holds the control and computes with one thread. Raises MissingPackage, which says
    what to run, without the control or the questions.
    """
    ends = time.monotonic() + 60 * max_minutes
    todo, number = pending(), 0
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=_prepare) as pool:
        for number, job in enumerate(pool_results(pool, todo, ends), start=1):
            print(f"{number}/{len(todo)}: {' '.join(job)}", flush=True)
        pool.terminate()
        pool.join()
    if number < len(todo):
        print(
            f"time is up: {len(todo) - number} of {len(todo)} subjects are left; run the same command again"
        )
        return TIME_IS_UP
    model, tokenizer = evaluate.load_control()
    found = [_assemble(model, tokenizer, name) for name in evaluate.SUITES]
    frame = table(found)
    recorded.save(NAME, frame, card(found, f"python -m locolab.run.experiments.mmlu {max_minutes:g}"))
    print(f"recorded {NAME} in {data_dir() / 'recorded'}: {len(frame)} answers")
    return DONE


def pending() -> list[Job]:
    """Return every suite's subjects, those with the most text first: no process waits long at the end."""
    sizes = {
        (name, subject): sum(len(q.question) + sum(map(len, q.choices)) for q in group)
        * (4 if evaluate.SUITES[name].form == "cloze" else 1)
        for name in evaluate.SUITES
        for subject, group in questions_of(name).items()
    }
    return sorted(sizes, key=lambda job: -sizes[job])


def pool_results(pool: Any, todo: Sequence[Job], ends: float) -> Any:
    """Yield the jobs as they are done, until the time is up."""
    results = pool.imap_unordered(answer, todo)
    try:
        for _ in todo:
            yield results.next(max(0.0, ends - time.monotonic()))
    except multiprocessing.TimeoutError:
        return


def answer(job: Job) -> Job:
    """Return the job after answering it, from the cache or now."""
    assert _candidate is not None
    name, subject = job
    with quiet(mmlu_folder()):
        answers(_candidate, suite(name), subject, draw_sample(name)[subject])
    return job


def table(found: Sequence[Evaluation]) -> pd.DataFrame:
    """Return one row a question: suite, subject, its place there, split (facts), each metric as 0 or 1."""
    rows = []
    for each in found:
        groups = questions_of(each.suite)
        for subject, places in each.positions.items():
            for number, place in enumerate(places):
                split = getattr(groups[subject][place], "split", None)
                right = {metric: by[subject][number] for metric, by in each.correct.items()}
                rows.append(
                    {"suite": each.suite, "subject": subject, "place": place, "split": split, **right}
                )
    return pd.DataFrame(rows).astype({"acc": "int8", "acc_norm": "Int8"})


def card(found: Sequence[Evaluation], command: str) -> dict[str, Any]:
    """Return what made the recording, and each suite's result card without its answers."""
    kept = [{k: v for k, v in each.card().items() if k not in ("answers", "provenance")} for each in found]
    stamp = {**provenance.stamp(command), "versions": provenance.versions(LIBRARIES)}
    return {**stamp, "description": f"{evaluate.CONTROL_NAME}, every question of every suite", "cards": kept}


def _prepare() -> None:
    global _candidate
    torch.set_num_threads(1)
    _candidate = Candidate(*evaluate.load_control(), batch_size=BATCH)


def _assemble(model: Any, tokenizer: Any, name: str) -> Evaluation:
    label = evaluate.CONTROL_NAME
    found = evaluate.evaluate(model, tokenizer, name, label=label, batch_size=BATCH, progress=False)
    return dataclasses.replace(found, facts={k: v for k, v in found.facts.items() if k != "seconds"})


if __name__ == "__main__":
    sys.exit(record(float(sys.argv[1])))
