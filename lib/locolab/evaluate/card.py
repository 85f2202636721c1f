"""`Evaluation`: one model on one suite, with everything needed to read the score; saved as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from locolab.corpus import mmlu
from locolab.corpus.mmlu import Question
from locolab.evaluate.suites import draw_sample, questions_of, suite
from locolab.files import write_atomic

WORDING: dict[str, str] = {
    "mmlu": mmlu.WORDING,
    "facts": "questions made from the CIA World Factbook (as of 2025) and from mendeleev; "
    "contested or renamed entities are left out by a list with reasons",
}
"""What stands beside a score, by the first word of the suite's name."""

SCOPE = (
    "The standard error is over questions: it says nothing about another training run, "
    "so one model each cannot show that a method is better."
)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a model answered: for each metric and subject, which questions were right (in `positions`' order).

    Metrics are ``acc`` (the option of the highest likelihood) and, in cloze form, ``acc_norm`` (the
    likelihood divided by the option's number of characters). `facts` holds the rest: the model, versions,
    commit, number of examples shown, limits, what was cut off.
    """

    model: str
    suite: str
    positions: dict[str, list[int]]
    correct: dict[str, dict[str, list[int]]]
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    def score(self, metric: str = "acc", split: str | None = None) -> tuple[float, float, int]:
        """Return (accuracy, standard error, n); `split` restricts facts to one of `corpus.facts.SPLITS`."""
        return accuracy(self.answers(metric, split))

    def answers(self, metric: str = "acc", split: str | None = None) -> list[int]:
        """Return 1 or 0 for every question asked, in one order for all models with the same sample."""
        return [
            right
            for subject, rights in self.correct[metric].items()
            for question, right in zip(self._asked(subject), rights, strict=True)
            if split in (None, getattr(question, "split", None))
        ]

    def table(self) -> pd.DataFrame:
        """Return one row a subject (and split, for facts): n, and each metric with its standard error."""
        rows = []
        for subject in self.positions:
            groups: defaultdict[str, list[int]] = defaultdict(list)
            for place, question in enumerate(self._asked(subject)):
                groups[getattr(question, "split", "")].append(place)
            for split, places in groups.items():
                row: dict[str, Any] = {"subject": subject, "split": split, "n": len(places)}
                for metric, by_subject in self.correct.items():
                    row[metric], row[f"{metric}_stderr"], _ = accuracy(
                        [by_subject[subject][p] for p in places]
                    )
                rows.append(row)
        frame = pd.DataFrame(rows)
        return frame if frame["split"].any() else frame.drop(columns="split")

    @property
    def sample(self) -> str:
        """Which questions were asked, in words."""
        asked = sum(map(len, self.positions.values()))
        total = sum(map(len, questions_of(self.suite).values()))
        if asked == total:
            return f"all {total:,} questions"
        return f"fixed stratified sample of {asked:,} of {total:,} questions"

    def card(self) -> dict[str, Any]:
        """Return the result card, JSON-able: model, suite, form, sample, scores, limits, every answer."""
        metrics = {
            metric: dict(zip(("value", "stderr", "n"), self.score(metric), strict=True))
            for metric in self.correct
        }
        subjects = self.table().to_dict(orient="records")
        return {
            "model": self.model,
            "suite": self.suite,
            "form": suite(self.suite).form,
            "sample": self.sample,
            "wording": WORDING[self.suite.split("_")[0]],
            "scope": SCOPE,
            "metrics": _finite(metrics),
            "subjects": [_finite(row) for row in subjects],
            **self.facts,
            "answers": {
                metric: {subject: "".join(map(str, rights)) for subject, rights in by_subject.items()}
                for metric, by_subject in self.correct.items()
            },
            "positions": "all" if self.sample.startswith("all") else self.positions,
        }

    def save(self, path: Path) -> None:
        """Write `card` as JSON."""
        write_atomic(path, json.dumps(self.card(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Evaluation:
        """Return a saved evaluation; raises ValueError, naming the file, if it is not one."""
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            answers = card["answers"]
            positions = draw_sample(card["suite"]) if card["positions"] == "all" else card["positions"]
            correct = {m: {s: [int(c) for c in text] for s, text in by.items()} for m, by in answers.items()}
            return cls(card["model"], card["suite"], positions, correct, _rest(card))
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is not a saved evaluation: {error!r}") from error

    def _asked(self, subject: str) -> Sequence[Question]:
        group = questions_of(self.suite)[subject]
        return [group[position] for position in self.positions[subject]]


def accuracy(answers: Sequence[int]) -> tuple[float, float, int]:
    """Return (share of ones, its standard error, n); the error is lm-eval's, s / sqrt(n) with n - 1 in s.

    >>> accuracy([1, 0, 0, 1])
    (0.5, 0.28867513459481287, 4)
    """
    n = len(answers)
    share = sum(answers) / n if n else math.nan
    return share, math.sqrt(share * (1 - share) / (n - 1)) if n > 1 else math.nan, n


_OWN = ("model", "suite", "form", "sample", "wording", "scope", "metrics", "subjects", "answers", "positions")


def _rest(card: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in card.items() if key not in _OWN}


def _finite(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the row with None for what is not a number, which JSON has no word for."""
    return {str(k): _finite(v) if isinstance(v, dict) else None if v != v else v for k, v in row.items()}
