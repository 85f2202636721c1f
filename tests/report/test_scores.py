"""Trained models and their starts in one table: paired by seed, every split counted."""

import pandas as pd
import pytest

from locolab.corpus import CorpusSpec, facts
from locolab.evaluate import Evaluation, constant_letter, questions_of
from locolab.report import records
from locolab.report.scores import UNTRAINED, counts, differences, of, scores
from locolab.run.experiments import facts as experiment
from locolab.train import TrainSpec, run

TINY = TrainSpec(
    preset="pico", corpus=CorpusSpec(name="wiki+facts"), n_peers=1, local_steps=1, rounds=1, batch=1,
    evaluate_every=1, evaluate_sequences=1, checkpoint_every=1,
)  # fmt: skip


def test_counts_of_the_splits_add_up_to_the_questions():
    rows = list(counts(constant_letter("facts", "A")))
    assert [row["split"] for row in rows] == list(facts.SPLITS)
    assert sum(row["n"] for row in rows) == sum(map(len, questions_of("facts").values()))
    assert all(row["value"] == row["correct"] / row["n"] for row in rows)
    (whole,) = counts(constant_letter("mmlu", "D"))
    assert (whole["split"], whole["correct"]) == ("all", 3776)


def test_differences_pair_the_seeds_of_each_set():
    rows = [("a", 1, 0.5), ("a", 0, 0.4), ("b", 0, 0.3), ("b", 1, 0.2)]
    scored = pd.DataFrame(rows, columns=["arm", "seed", "value"])
    found = differences({"facts": scored, "others": scored}, ["a"], "b")
    assert list(found["questions"]) == ["facts", "others"]
    assert found["difference"].tolist() == pytest.approx([0.2, 0.2])  # 0.4 - 0.3 and 0.5 - 0.2
    assert (found["low"] < 0).all()
    assert set(found["seeds"]) == {2}


@pytest.mark.slow
def test_every_training_has_its_start_and_answers_the_same_questions(tmp_path):
    results = {
        label: run(spec, progress=False)
        for label, spec in records.with_seeds({"averaging": TINY}, (0, 1)).items()
    }
    table = scores(results, {"facts_continuation": 20}, 2, tmp_path / "cards")
    saved = Evaluation.load(tmp_path / "cards/averaging-1-facts_continuation.json")
    assert len(saved.answers()) == 20
    assert len(list((tmp_path / "cards").iterdir())) == 4
    assert set(zip(table["arm"], table["seed"], strict=True)) == {
        (a, s) for a in ("averaging", UNTRAINED) for s in (0, 1)
    }
    assert of(table, "facts_continuation", "taught")["n"].nunique() == 1
    assert (of(table, "bits_per_byte")["value"] > 0).all()


def test_the_recorded_arms_see_the_same_tokens_and_ask_every_fact():
    specs = [arm.spec for arm in experiment.EXPERIMENTS["facts_models"].specs().values()]
    assert len({spec.rounds * spec.tokens_per_round for spec in specs}) == 1
    assert {spec.corpus.name for spec in specs} == {"wiki+facts"}
    assert experiment.QUESTIONS["facts_continuation"] == sum(map(len, questions_of("facts").values()))
