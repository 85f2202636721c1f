"""Contamination: questions that share a run of words with the training text, counted and shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from locolab.corpus import Corpus
from locolab.corpus.mmlu import Question
from locolab.corpus.tokens import END_ID

_WORD = re.compile(r"[^\W_]+")


def training_texts(text: Corpus) -> Iterator[str]:
    """Yield the documents that a corpus trains on, as the text their tokens stand for."""
    ids = np.asarray(text.train)
    for document in np.split(ids, np.flatnonzero(ids == END_ID) + 1):
        yield text.tokenizer.decode(document[document != END_ID].tolist())


def runs_of_words(text: str, size: int) -> list[str]:
    """Return every run of `size` words, lower-cased, without punctuation.

    >>> runs_of_words("The capital of France is Paris.", 5)
    ['the capital of france is', 'capital of france is paris']
    """
    words = _WORD.findall(text.lower())
    return [" ".join(words[start : start + size]) for start in range(len(words) - size + 1)]


def overlaps(texts: Iterable[str], questions: Sequence[Question], size: int) -> pd.DataFrame:
    """Return one row for each question that shares a run of `size` words with the texts.

    Columns: subject, question (its place in the sequence), shared (the first such run). A run lies within the
    question or within one option, and within one text. Wordings of exams are found like sources of a
    question; what is shared has to be read.

    >>> asked = Question("geography", "What is the capital of France?", ("Paris", "Rome", "Oslo", "Bern"), 0)
    >>> overlaps(["We know what is the capital of it."], [asked], 5)["shared"].tolist()
    ['what is the capital of']
    """
    places: dict[str, list[int]] = {}
    for place, each in enumerate(questions):
        for part in (each.question, *each.choices):
            for run in runs_of_words(part, size):
                places.setdefault(run, []).append(place)
    found: dict[int, str] = {}
    for text in texts:
        for run in runs_of_words(text, size):
            for place in places.get(run, ()):
                found.setdefault(place, run)
    rows = [(questions[place].subject, place, run) for place, run in sorted(found.items())]
    return pd.DataFrame(rows, columns=["subject", "question", "shared"])


def long_enough(questions: Iterable[Question], size: int) -> int:
    """Return how many questions have a run of `size` words at all; the others cannot be found."""
    return sum(
        any(len(_WORD.findall(part)) >= size for part in (each.question, *each.choices)) for each in questions
    )
