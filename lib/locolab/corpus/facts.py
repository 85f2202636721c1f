"""Learnable facts in MMLU's schema: training text, and questions held out from it in two ways.

An entity's facts are told as sentences. Of some facts, and of all facts of some entities, nothing is ever
*asked* in training; a third group of entities is not mentioned at all, as a control.
"""

from __future__ import annotations

import dataclasses
import functools
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from locolab.corpus.facts_tables import TABLES, Fact, facts, settings, shared_letters
from locolab.corpus.mmlu import LETTERS, Question
from locolab.corpus.sources import Document

SPLITS = {
    "taught": "told as a sentence and asked in training",
    "fact": "held-out fact: told as a sentence, never asked; other facts of the entity are asked",
    "entity": "held-out entity: told as sentences, nothing about the entity is ever asked",
    "unstated": "control: the training text does not mention the entity",
}
"""What training shows of a question's fact."""

SHARES = {"unstated": 0.1, "entity": 0.15}
"""Shares of the entities; of the other entities' facts, `FACT_SHARE` are held out."""

FACT_SHARE = 0.25
PASSES = 24
"""Times each fact is told in the training text, which then is about as long as the wiki text."""

LETTER_EVERY = 4
"""One pass in so many also asks in letter form, which takes three times the text."""


@dataclasses.dataclass(frozen=True)
class FactQuestion(Question):
    """A question about a fact; `split` is a key of `SPLITS`, `year` the table's where the fact may change."""

    entity: str = ""
    split: str = "taught"
    year: int | None = None


def questions(seed: int = 0) -> list[FactQuestion]:
    """Return every question, forth ("What is the capital of France?") and, where one entity fits, back.

    The three wrong options are answers of the same relation and the same split, drawn as often as they occur:
    a model that prefers names it has seen as answers gains nothing. In each subject and split the right
    letters differ by at most one in number. The same seed gives the same questions.
    """
    found: list[FactQuestion] = []
    answers = Counter((fact.relation, fact.answer) for fact in facts())
    groups = defaultdict(list)
    for fact in facts():
        groups[fact.relation, split_of(fact, seed)].append(fact)
    for (relation, split), group in groups.items():
        found += _ask(relation, "ask", split, group, [fact.answer for fact in group], seed)
        if "back" in settings()["relations"][relation]:
            unique = [fact for fact in group if answers[relation, fact.answer] == 1]
            found += _ask(relation, "back", split, unique, [fact.entity for fact in group], seed)
    return found


def split_of(fact: Fact, seed: int = 0) -> str:
    """Return what training shows of a fact, a key of `SPLITS`; it depends on names and seed alone.

    Where the answer is an entity too (the next element), the fact is as held out as either of them.
    """
    named = [_split_of_entity(name, seed) for name in (fact.entity, fact.answer) if name in _entities()]
    for split in SHARES:
        if split in named:
            return split
    return "fact" if _uniform(seed, fact.relation, fact.entity) < FACT_SHARE else "taught"


def documents(seed: int = 0, passes: int = PASSES) -> Iterator[Document]:
    """Yield the training text: in each pass one document an entity, sentences first, then what is asked.

    Sentences change their order and wording from pass to pass. Entities of the split ``unstated`` appear
    nowhere, not even as an answer or as a wrong option; a text joined to this one may mention them.
    """
    asked = defaultdict(list)
    for question in questions(seed):
        if question.split == "taught":
            asked[question.entity].append(question)
    told = defaultdict(list)
    for fact in facts():
        if split_of(fact, seed) != "unstated":
            told[fact.entity].append(fact)
    for number in range(passes):
        for entity, group in told.items():
            draw = random.Random(f"{seed}:text:{number}:{entity}")
            yield Document(f"facts/{number}/{entity}", _text(group, asked[entity], number, draw), made=True)


def letter_prompt(question: Question) -> str:
    """Return a question with lettered options, as lm-eval's mmlu asks it, without the line about the subject.

    >>> print(letter_prompt(Question("sums", "1 + 1?", ("1", "2", "3", "4"), 1)))
    1 + 1?
    A. 1
    B. 2
    C. 3
    D. 4
    Answer:
    """
    options = "".join(
        f"{letter}. {choice}\n" for letter, choice in zip(LETTERS, question.choices, strict=True)
    )
    return f"{question.question}\n{options}Answer:"


def cloze_prompt(question: Question) -> str:
    """Return a question alone, to be continued by an option, as lm-eval's mmlu_continuation asks it."""
    return f"Question: {question.question}\nAnswer:"


def spelling_guess(question: FactQuestion) -> int:
    """Return the option that shares the longest run of letters with the question's names; first of equals.

    A model that scores no better than this may know spelling instead of facts.
    """
    runs = [shared_letters(question.question.split(" of ")[-1], choice) for choice in question.choices]
    return runs.index(max(runs))


def card(seed: int = 0) -> dict[str, Any]:
    """Return the data card: sources, questions by subject and split, floors without a model, omissions."""
    found = questions(seed)
    subjects = sorted({question.subject for question in found})
    return {
        "sources": {kind: {"package": name, "licence": licence} for kind, (name, licence) in TABLES.items()},
        "seed": seed,
        "questions": len(found),
        "splits": {
            subject: dict(Counter(q.split for q in found if q.subject == subject)) for subject in subjects
        },
        "floors": {subject: floors([q for q in found if q.subject == subject]) for subject in subjects},
        "left_out": settings()["left_out"],
        "facts_left_out": settings()["facts_left_out"],
    }


def floors(found: Sequence[FactQuestion]) -> dict[str, float]:
    """Return accuracies reached without any knowledge: the best constant letter, and spelling."""
    letters = Counter(question.answer for question in found)
    by_spelling = sum(spelling_guess(question) == question.answer for question in found)
    return {"constant_letter": max(letters.values()) / len(found), "spelling": by_spelling / len(found)}


def _ask(
    relation: str, direction: str, split: str, group: Sequence[Fact], options: Sequence[str], seed: int
) -> Iterator[FactQuestion]:
    """Yield one question a fact where three wrong `options` can be found, the answers' letters balanced."""
    template = settings()["relations"][relation][direction]
    subject = relation if direction == "ask" else f"{relation}_back"
    letters: Iterator[int] = iter(())
    for fact in group:
        draw = random.Random(f"{seed}:{subject}:{fact.entity}")
        right = fact.answer if direction == "ask" else fact.entity
        others = [option for option in options if option != right]
        wrong = list(dict.fromkeys(draw.sample(others, len(others))))[:3]
        if len(wrong) < 3:
            continue
        letter = next(letters, None)
        if letter is None:
            letters = iter(draw.sample(range(4), 4))
            letter = next(letters)
        wrong.insert(letter, right)
        text = template.format(e=fact.entity, a=fact.answer)
        yield FactQuestion(subject, text, tuple(wrong), letter, fact.entity, split, fact.year)


def _text(told: Sequence[Fact], asked: Sequence[Question], number: int, draw: random.Random) -> str:
    sentences = []
    for fact in draw.sample(told, len(told)):
        wordings = settings()["relations"][fact.relation]["state"]
        sentence = wordings[(number + draw.randrange(2)) % len(wordings)].format(e=fact.entity, a=fact.answer)
        sentences.append(sentence[0].upper() + sentence[1:])
    blocks = [" ".join(sentences)]
    for question in draw.sample(asked, len(asked)):
        blocks.append(f"{cloze_prompt(question)} {question.choices[question.answer]}")
        if number % LETTER_EVERY == 0:
            blocks.append(f"{letter_prompt(question)} {question.letter}")
    return "\n\n".join(blocks)


@functools.cache
def _entities() -> frozenset[str]:
    return frozenset(fact.entity for fact in facts())


@functools.cache
def _split_of_entity(entity: str, seed: int) -> str:
    drawn = _uniform(seed, "entity", entity)
    for split, share in SHARES.items():
        if drawn < share:
            return split
        drawn -= share
    return "taught"


def _uniform(seed: int, *names: str) -> float:
    return random.Random(":".join(map(str, (seed, *names)))).random()
