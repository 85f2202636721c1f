"""Scores without a model: always the same letter, and guessing."""

from __future__ import annotations

import random
from collections.abc import Callable

from locolab.config import ConfigError
from locolab.corpus.mmlu import LETTERS, Question
from locolab.evaluate.card import Evaluation
from locolab.evaluate.suites import draw_sample, questions_of


def constant_letter(name: str, letter: str, limit: int | None = None) -> Evaluation:
    """Return the evaluation of answering every question of a suite with `letter`, one of A to D."""
    if letter not in tuple(LETTERS):
        raise ConfigError(f"letter should be one of {', '.join(LETTERS)}, got {letter!r}")
    return _without_model(f"always {letter}", name, limit, lambda question: LETTERS.index(letter))


def random_guess(name: str, seed: int = 0, limit: int | None = None) -> Evaluation:
    """Return the evaluation of one guesser who draws an option at random; the expectation is 25 %."""
    draw = random.Random(f"guess:{seed}")
    return _without_model("random guesser", name, limit, lambda question: draw.randrange(4))


def _without_model(model: str, name: str, limit: int | None, guess: Callable[[Question], int]) -> Evaluation:
    groups, positions = questions_of(name), draw_sample(name, limit)
    right = {
        subject: [int(guess(groups[subject][place]) == groups[subject][place].answer) for place in places]
        for subject, places in positions.items()
    }
    return Evaluation(model, name, positions, {"acc": right}, {"model_facts": {"kind": "no model"}})
