"""The four suites: which questions, in which form; and fixed samples of them, drawn evenly over subjects."""

from __future__ import annotations

import dataclasses
import functools
import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from locolab.config import ConfigError
from locolab.corpus import facts, mmlu
from locolab.corpus.mmlu import Question

SAMPLE_SEED = 0
"""One seed for all models, so that everybody answers the same questions."""


@dataclasses.dataclass(frozen=True)
class Suite:
    """A set of questions in one form.

    `form` is ``letter`` (the options are shown, the likelihoods of A to D compared) or ``cloze`` (only the
    question is shown, the likelihoods of the options compared).
    """

    name: str
    form: str
    questions: Callable[[], Sequence[Question]]

    @property
    def is_mmlu(self) -> bool:
        """Whether the tasks are lm-eval's own."""
        return self.questions is mmlu.load

    def task(self, subject: str) -> str:
        """Return lm-eval's name of a subject's task: ``mmlu_anatomy_continuation``."""
        words = self.name.split("_")
        return "_".join([words[0], subject, *words[1:]])


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("mmlu", "letter", mmlu.load),
        Suite("mmlu_continuation", "cloze", mmlu.load),
        Suite("facts", "letter", facts.questions),
        Suite("facts_continuation", "cloze", facts.questions),
    )
}
"""Suites by name; the first two are lm-eval's own tasks, unmodified."""


def suite(name: str) -> Suite:
    """Return a suite; raises ConfigError, which lists them, for an unknown name."""
    if name not in SUITES:
        raise ConfigError(f"no suite {name!r}; known: {', '.join(SUITES)}")
    return SUITES[name]


@functools.lru_cache(maxsize=2)
def _by_subject(questions: Callable[[], Sequence[Question]]) -> dict[str, list[Question]]:
    groups = defaultdict(list)
    for question in questions():
        groups[question.subject].append(question)
    return dict(sorted(groups.items()))


def questions_of(name: str) -> dict[str, list[Question]]:
    """Return a suite's questions by subject, subjects in alphabetical order."""
    return _by_subject(suite(name).questions)


def draw_sample(name: str, limit: int | None = None) -> dict[str, list[int]]:
    """Return {subject: positions of its questions}: all, or a fixed stratified sample of `limit`.

    Subjects are represented in proportion to their size (largest remainders), questions within a subject by
    a draw that depends on the suite's questions alone, so that both forms ask the same ones and a smaller
    sample is asked by every model alike. Subjects without a question in the sample are left out.

    >>> sum(map(len, draw_sample("mmlu", 100).values()))
    100
    """
    groups = questions_of(name)
    total = sum(map(len, groups.values()))
    if limit is None or limit >= total:
        return {subject: list(range(len(group))) for subject, group in groups.items()}
    if limit < 1:
        raise ConfigError(f"limit should be at least 1, got {limit}")
    shares = {subject: limit * len(group) / total for subject, group in groups.items()}
    sizes = {subject: int(share) for subject, share in shares.items()}
    for subject in sorted(shares, key=lambda each: sizes[each] - shares[each])[: limit - sum(sizes.values())]:
        sizes[subject] += 1
    return {
        subject: sorted(random.Random(f"{SAMPLE_SEED}:{subject}").sample(range(len(groups[subject])), size))
        for subject, size in sizes.items()
        if size
    }
