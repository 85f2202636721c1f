"""One subject's answers of one model: scored by lm-eval, kept on disk, read back the next time."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from locolab import provenance
from locolab.config import canonical_json
from locolab.corpus import mmlu
from locolab.evaluate.suites import Suite, questions_of
from locolab.files import cache_dir, write_atomic

LIBRARIES = ("torch", "transformers", "tokenizers", "lm_eval", "datasets")
"""Libraries whose version may decide an answer."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A live model with its tokenizer, and how it is asked."""

    model: torch.nn.Module
    tokenizer: Any
    n_shot: int = 0
    batch_size: int = 16
    from_hub: bool = False

    @functools.cached_property
    def key(self) -> dict[str, Any]:
        """What decides its answers: weights, tokenizer, settings, code and versions."""
        digest = hashlib.sha256()
        for name, tensor in self.model.state_dict().items():
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
        backend = getattr(self.tokenizer, "backend_tokenizer", self.tokenizer)
        return {
            "weights": digest.hexdigest()[:16],
            "context": getattr(self.model.config, "max_position_embeddings", None),
            "tokenizer": hashlib.sha256(backend.to_str().encode()).hexdigest()[:16],
            "settings": [self.n_shot, self.batch_size, self.from_hub],
            "code": provenance.code_hash(["evaluate/harness", "evaluate/shared", "evaluate/answers"]),
            "versions": provenance.versions(LIBRARIES),
        }


def answers(candidate: Candidate, suite: Suite, subject: str, places: list[int]) -> dict[str, Any]:
    """Return {correct: {metric: [0 or 1]}, lengths: tokens of each request, context} of some questions.

    `places` are positions among the subject's questions. Raises MalformedQuestions if lm-eval's data set
    holds another question at one of them.
    """
    path = _path(candidate, suite, subject, places)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found: dict[str, Any] = json.loads(path.read_text())
        if all(len(rights) == len(places) for rights in found["correct"].values()):
            return found
    result = _score(candidate, suite, subject, places)
    write_atomic(path, canonical_json(result))
    return result


def _path(candidate: Candidate, suite: Suite, subject: str, places: list[int]) -> Path:
    questions = questions_of(suite.name)[subject]
    asked = [dataclasses.asdict(questions[place]) for place in places]
    facts = {**candidate.key, "task": suite.task(subject), "places": places, "asked": asked}
    digest = hashlib.sha256(canonical_json(facts).encode()).hexdigest()
    return cache_dir() / "evaluate" / "answers" / f"{digest[:24]}.json"


def _score(candidate: Candidate, suite: Suite, subject: str, places: list[int]) -> dict[str, Any]:
    from locolab.evaluate import harness

    lm = harness.live(candidate.model, candidate.tokenizer, candidate.batch_size)
    name, questions = suite.task(subject), questions_of(suite.name)[subject]
    if suite.is_mmlu:
        task = harness.mmlu_task(name, candidate.n_shot)
    else:
        task = harness.own_task(name, suite.form, questions)
    rows = harness.run(lm, task, places)
    for place, row in zip(places, rows, strict=True):
        if (row["doc"]["question"], row["doc"]["answer"]) != (
            questions[place].question,
            questions[place].answer,
        ):
            raise mmlu.MalformedQuestions(f"{subject}: lm-eval's data set has another question at {place}")
    return {
        "correct": {
            metric: [int(row[metric]) for row in rows] for metric in ("acc", "acc_norm") if metric in rows[0]
        },
        "lengths": lm.lengths,
        "context": lm.max_length,
    }
