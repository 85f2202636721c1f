"""Shared runs of words: within one part of a question and one text, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from locolab.corpus.mmlu import Question
from locolab.evaluate.contamination import long_enough, overlaps, runs_of_words

ASKED = [
    Question("law", "Who wrote the first of the letters?", ("one two three four", "b", "c", "d"), 0),
    Question("art", "Which colour is the sky?", ("red", "blue", "green", "grey"), 1),
]
words = st.lists(st.sampled_from("abcdef"), max_size=12)


def shared(texts, size):
    return [tuple(row) for row in overlaps(texts, ASKED, size).itertuples(index=False)]


def test_a_run_in_the_question_or_in_an_option_is_found_once():
    assert shared(["x WHO wrote, the first! y", "who wrote the first"], 4) == [
        ("law", 0, "who wrote the first")
    ]
    assert shared(["say one two three four"], 4) == [("law", 0, "one two three four")]


def test_a_run_across_question_and_option_or_across_two_texts_is_none():
    assert shared(["the letters one two"], 4) == []
    assert shared(["which colour is", "the sky"], 5) == []


def test_questions_too_short_for_a_run_are_counted_apart():
    assert [long_enough(ASKED, size) for size in (1, 5, 7, 8)] == [2, 2, 1, 0]


@given(words, st.integers(1, 6))
def test_there_is_a_run_at_every_place_where_one_fits(found, size):
    runs = runs_of_words(" ".join(found), size)
    assert runs == [" ".join(found[place : place + size]) for place in range(len(found) - size + 1)]
