"""MMLU's questions: the pinned file and nothing else, odd rows counted, errors that say where."""

import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.corpus import mmlu, packages

ROW = {
    "question": "1 + 1?",
    **{f"answer_{letter}": number for letter, number in zip("abcd", "1234", strict=True)},
    "correct_answer": "B",
    "topic": "elementary mathematics",
}


def line(**changes):
    return json.dumps({**ROW, **changes})


@pytest.fixture(scope="module")
def questions():
    return mmlu.load()


def test_every_question_fits_the_contract(questions):
    assert len(questions) == 14_042
    assert len({question.subject for question in questions}) == 57
    for question in questions:
        assert question.question.strip()
        assert len(question.choices) == 4
        assert all(choice.strip() for choice in question.choices)
        assert question.answer in range(4)


def test_subjects_have_the_sizes_of_the_official_test_split(questions):
    # hendrycks/test: the largest three and the smallest subjects of the test split
    counts = Counter(question.subject for question in questions)
    assert counts.most_common(3) == [
        ("professional_law", 1534),
        ("moral_scenarios", 895),
        ("miscellaneous", 783),
    ]
    assert min(counts.values()) == 100
    assert mmlu.subjects() == sorted(counts)


def test_the_card_counts_what_is_odd():
    card = mmlu.card()
    assert card["letters"] == {"A": 3222, "B": 3462, "C": 3582, "D": 3776}
    assert card["best_constant_letter"] == pytest.approx(0.269, abs=5e-4)
    assert (card["exact_duplicates"], card["repeated_options"], card["damaged_characters"]) == (27, 9, 80)
    assert "not verified against the original files" in card["source"]


def test_lm_eval_names_the_same_subjects(questions):
    from pathlib import Path

    import lm_eval

    tasks = Path(lm_eval.__file__).parent / "tasks/mmlu/default"
    named = {path.stem.removeprefix("mmlu_") for path in tasks.glob("mmlu_*.yaml")}
    assert named == set(mmlu.subjects())


def test_header_rows_are_dropped():
    header = line(correct_answer="answer", question="question")
    assert len(mmlu.parse(f"{line()}\n{header}\n{line()}\n")) == 2


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("{", "line 2 is not a question"),
        ("[]", "line 2 is not a question"),
        (line(answer_c=3), "line 2 is not a question"),
        (line(answer_c=" "), "line 2: a field is empty"),
        (line(correct_answer="E"), "line 2: .* 'E' is not A-D"),
        (json.dumps({key: ROW[key] for key in list(ROW)[1:]}), "line 2 is not a question"),
    ],
)
def test_a_malformed_row_is_named(bad, words):
    with pytest.raises(mmlu.MalformedQuestions, match=words):
        mmlu.parse(f"{line()}\n{bad}\n")


@given(st.permutations(list("abcd")), st.sampled_from("ABCD"))
def test_the_letter_says_which_choice_is_right(order, letter):
    choices = {f"answer_{key}": f"option {number}" for number, key in enumerate(order)}
    [question] = mmlu.parse(line(**choices, correct_answer=letter))
    assert question.choices[question.answer] == choices[f"answer_{letter.lower()}"]
    assert question.letter == letter


def test_another_content_is_refused(tmp_path):
    copy = tmp_path / "mmlu.jsonl"
    copy.write_text(line() + "\n")
    with pytest.raises(mmlu.MalformedQuestions, match=r"has SHA-256 .* the pinned file 9f954bf40f4d"):
        mmlu.load(copy)


def test_a_missing_package_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_PACKAGES", str(tmp_path))
    with pytest.raises(packages.MissingPackage, match=re.escape("run ./run_all.sh setup")):
        mmlu.load()


@pytest.mark.parametrize(("choices", "answer"), [(("1", "2", "3"), 0), (("1", "2", "3", "4"), 4)])
def test_a_question_has_four_choices_and_one_answer(choices, answer):
    with pytest.raises(mmlu.MalformedQuestions, match="4 choices and an answer"):
        mmlu.Question("sums", "1 + 1?", choices, answer)
