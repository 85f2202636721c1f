"""What is asked: fixed samples, floors, result cards, and MMLU laid out for lm-eval."""

import json
import math
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab import evaluate
from locolab.config import ConfigError
from locolab.corpus import facts
from locolab.evaluate import layout
from locolab.evaluate.card import Evaluation
from locolab.evaluate.suites import suite

TOTALS = {"mmlu": 14_042, "facts": len(facts.questions())}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["mmlu", "facts"]), st.integers(1, 3000))
def test_a_sample_is_stratified_and_fixed(name, limit):
    sample = evaluate.draw_sample(name, limit)
    groups = evaluate.questions_of(name)
    asked = min(limit, TOTALS[name])
    assert sum(map(len, sample.values())) == asked
    for subject, group in groups.items():
        places = sample.get(subject, [])
        assert len(set(places)) == len(places)
        assert set(places) <= set(range(len(group)))
        assert abs(len(places) - asked * len(group) / TOTALS[name]) < 1
    assert evaluate.draw_sample(f"{name}_continuation", limit) == sample


def test_without_a_limit_everything_is_asked():
    assert sum(map(len, evaluate.draw_sample("mmlu").values())) == 14_042
    assert len(evaluate.draw_sample("mmlu")) == 57


@pytest.mark.parametrize("limit", [0, -1])
def test_a_sample_has_at_least_one_question(limit):
    with pytest.raises(ConfigError, match="limit should be at least 1"):
        evaluate.draw_sample("mmlu", limit)


def test_an_unknown_suite_lists_the_known_ones():
    with pytest.raises(ConfigError, match="no suite 'arc'; known: mmlu, mmlu_continuation, facts"):
        suite("arc")


def test_always_the_same_letter_scores_its_share():
    scores = {letter: evaluate.constant_letter("mmlu", letter).score()[0] for letter in "ABCD"}
    counts = {"A": 3222, "B": 3462, "C": 3582, "D": 3776}
    assert scores == {letter: count / 14_042 for letter, count in counts.items()}
    with pytest.raises(ConfigError, match="one of A, B, C, D"):
        evaluate.constant_letter("mmlu", "E")


def test_guessing_is_near_a_quarter_and_repeats():
    share, error, n = evaluate.random_guess("mmlu", seed=1).score()
    assert n == 14_042
    assert abs(share - 0.25) < 4 * error
    assert evaluate.random_guess("mmlu", seed=1) == evaluate.random_guess("mmlu", seed=1)
    assert evaluate.random_guess("mmlu", seed=1) != evaluate.random_guess("mmlu", seed=2)


def test_the_standard_error_is_lm_evals():
    metrics = pytest.importorskip("lm_eval.api.metrics")
    answers = [1, 0, 0, 1, 1, 0, 1]
    share, error, n = evaluate.accuracy(answers)
    assert (share, n) == (pytest.approx(metrics.mean(answers)), 7)
    assert error == pytest.approx(metrics.mean_stderr(answers))
    assert math.isnan(evaluate.accuracy([1])[1])


def test_facts_are_reported_by_split():
    found = evaluate.constant_letter("facts", "A")
    parts = [found.score(split=split) for split in facts.SPLITS]
    assert sum(n for _, _, n in parts) == TOTALS["facts"]
    table = found.table()
    assert set(table["split"]) == set(facts.SPLITS)
    assert (table["acc"] * table["n"]).sum() == pytest.approx(sum(found.answers()))


def test_a_result_card_says_what_was_asked_and_comes_back(tmp_path):
    for limit in (None, 100):
        found = evaluate.constant_letter("mmlu", "D", limit)
        found.save(tmp_path / "card.json")
        card = json.loads((tmp_path / "card.json").read_text())
        assert "not verified against the original files" in card["wording"]
        assert "says nothing about another training run" in card["scope"]
        assert card["form"] == "letter"
        assert len(card["subjects"]) == len(found.positions)
        assert card["sample"] == (
            "fixed stratified sample of 100 of 14,042 questions" if limit else "all 14,042 questions"
        )
        assert Evaluation.load(tmp_path / "card.json") == found


@pytest.mark.parametrize("content", ["", "[]", '{"model": "x"}', '{"answers": 3}'])
def test_another_file_is_no_evaluation(tmp_path, content):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(ValueError, match=r"other\.json is not a saved evaluation"):
        Evaluation.load(tmp_path / "other.json")


def test_examples_to_show_have_their_known_gaps():
    dev = layout.dev_examples()
    assert sum(map(len, dev.values())) == 281
    assert {subject: len(group) for subject, group in dev.items() if len(group) < 5} == layout.DEV_GAPS
    letters = Counter(example.letter for group in dev.values() for example in group)
    assert letters == {"A": 66, "B": 70, "C": 68, "D": 77}


def test_the_folder_holds_every_question_as_lm_eval_reads_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path))
    folder = layout.mmlu_folder()
    assert layout.mmlu_folder() == folder
    rows = 0
    for subject, questions in evaluate.questions_of("mmlu").items():
        frame = pd.read_parquet(folder / "cais/mmlu" / subject / "test-00000-of-00001.parquet")
        assert frame["question"].tolist() == [question.question for question in questions]
        assert frame["answer"].tolist() == [question.answer for question in questions]
        rows += len(frame)
    assert rows == 14_042
    assert not list(folder.parent.glob(".mmlu*"))
