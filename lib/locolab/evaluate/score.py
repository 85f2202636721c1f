"""`evaluate`: a live model on a suite, subject by subject; and bits per byte."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from tqdm.auto import tqdm

from locolab import provenance
from locolab.config import ConfigError
from locolab.corpus import Corpus
from locolab.corpus.tokens import END_ID
from locolab.evaluate.answers import LIBRARIES, Candidate, answers
from locolab.evaluate.card import Evaluation
from locolab.evaluate.layout import DEV_GAPS, mmlu_folder
from locolab.evaluate.quiet import quiet
from locolab.evaluate.suites import draw_sample, suite

CUT = "the end of a prompt that is too long is kept; an option longer than the context is scored in pieces"


def evaluate(
    model: torch.nn.Module,
    tokenizer: Any,
    name: str,
    *,
    label: str,
    limit: int | None = None,
    n_shot: int = 0,
    batch_size: int = 16,
    progress: bool = True,
    from_hub: bool = False,
) -> Evaluation:
    """Return a live model's answers to a suite (a key of `SUITES`), as lm-eval scores them.

    Each subject's answers are cached by weights, tokenizer, questions and code: a second call is quick and
    a stopped one goes on. `limit` asks a fixed stratified sample; `n_shot` shows so many examples first and
    `from_hub` reads the questions from the hub (both MMLU only). Raises ConfigError for what does not fit,
    MissingPackage and MalformedQuestions without the questions.
    """
    chosen = suite(name)
    if not 0 <= n_shot <= 5:
        raise ConfigError(f"n_shot should be 0 .. 5, got {n_shot}")
    if (n_shot or from_hub) and not chosen.is_mmlu:
        raise ConfigError(f"{name} has no examples and is not on the hub; leave n_shot and from_hub alone")
    candidate = Candidate(model, tokenizer, n_shot, batch_size, from_hub)
    positions = draw_sample(name, limit)
    folder = mmlu_folder() if chosen.is_mmlu and not from_hub else None
    done: dict[str, dict[str, Any]] = {}
    with (
        _bar(positions, f"{label}: {name}", progress) as bar,
        quiet(folder, offline=not from_hub),
        torch.random.fork_rng(devices=[]),
        _hub_asked_for(from_hub),
    ):
        for subject, places in positions.items():
            done[subject] = answers(candidate, chosen, subject, places)
            bar.update(len(places))
    correct: dict[str, dict[str, list[int]]] = {}
    for subject, found in done.items():
        for metric, rights in found["correct"].items():
            correct.setdefault(metric, {})[subject] = rights
    facts = _facts(candidate, list(done.values()))
    return Evaluation(label, name, positions, correct, facts)


def bits_per_byte(
    model: torch.nn.Module, tokenizer: Any, text: Corpus, documents: int | None = None
) -> float:
    """Return bits per UTF-8 byte of the first validation documents (all by default), by lm-eval.

    Works with any tokenizer, so that models of different vocabularies can be compared. Each document starts
    afresh and is cut into pieces of the model's context; `train.evaluate` reads the stream without a break
    and counts its end tokens, so the two figures differ slightly.
    """
    with quiet(), torch.random.fork_rng(devices=[]):
        from lm_eval.api.instance import Instance

        from locolab.evaluate.harness import live

        texts = _validation_texts(text)[:documents]
        requests = [
            Instance(request_type="loglikelihood_rolling", doc={}, arguments=(each,), idx=place)
            for place, each in enumerate(texts)
        ]
        nats = sum(live(model, tokenizer).loglikelihood_rolling(requests, disable_tqdm=True))
    return -nats / (math.log(2) * sum(len(each.encode()) for each in texts))


@contextlib.contextmanager
def _hub_asked_for(from_hub: bool) -> Iterator[None]:
    """Say what to do where the hub does not answer."""
    try:
        yield
    except ConnectionError as error:
        if not from_hub:
            raise
        raise ConfigError(
            f"the questions were asked for from the hub, which cannot be reached ({error}); "
            "without from_hub they come from the package"
        ) from error


def _validation_texts(text: Corpus) -> list[str]:
    documents: list[list[int]] = [[]]
    for token in text.validation.tolist():
        if token == END_ID:
            documents.append([])
        else:
            documents[-1].append(token)
    return [text.tokenizer.decode(ids) for ids in documents if ids]


def _facts(candidate: Candidate, done: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the result card says beside the scores."""
    lengths = [length for found in done for length in found["lengths"]]
    parameters = list(candidate.model.parameters())
    return {
        "model_facts": {
            "parameters": sum(each.numel() for each in parameters),
            "dtype": str(parameters[0].dtype).removeprefix("torch."),
            "weights_sha256": candidate.key["weights"],
        },
        "n_shot": candidate.n_shot,
        "n_shot_gaps": {subject: n for subject, n in DEV_GAPS.items() if n < candidate.n_shot},
        "questions_from": "hub" if candidate.from_hub else "package",
        "truncation": {
            "context": done[0]["context"],
            "requests": len(lengths),
            "too_long": sum(length > done[0]["context"] for length in lengths),
            "longest": max(lengths),
            "how": CUT,
        },
        "provenance": {
            **provenance.stamp("locolab.evaluate.evaluate"),
            "versions": provenance.versions(LIBRARIES),
        },
    }


def _bar(positions: Mapping[str, list[int]], label: str, progress: bool) -> Any:
    """Return a bar of all questions, which outlives the silence of its surroundings."""
    total = sum(map(len, positions.values()))
    return tqdm(
        total=total, desc=label, unit="question", disable=not progress, file=sys.stderr, mininterval=1
    )
