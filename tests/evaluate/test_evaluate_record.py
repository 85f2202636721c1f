"""The recording of all answers: every subject once, resumable, one row a model and question."""

import pytest

from locolab import evaluate
from locolab.corpus import CorpusSpec, facts, tokens
from locolab.evaluate.suites import questions_of
from locolab.model import PRESETS, build
from locolab.report import recorded
from locolab.run.experiments import mmlu
from locolab.train import TrainSpec, run


@pytest.fixture
def control(monkeypatch):
    """A tiny model in the place of the pretrained one."""
    tokenizer = tokens.train_tokenizer([each.text for each in facts.documents(passes=1)][:40], 400)
    model = build(PRESETS["pico"].replace(vocab_size=400, context=96), seed=0)
    monkeypatch.setattr(evaluate, "load_control", lambda: (model, tokenizer))
    mmlu._hold({})
    yield
    mmlu._hold({})


def test_every_model_is_asked_every_subject_of_every_suite_once_the_longest_first():
    todo = mmlu.pending(["control", "sparseloco"])
    assert len(todo) == len(set(todo)) == 2 * sum(len(questions_of(name)) for name in evaluate.SUITES)
    assert todo[0] == ("control", "mmlu_continuation", "professional_law")


def test_a_job_is_kept_and_not_done_again(tmp_path, monkeypatch, control):
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path))
    job = ("control", "facts", "blocks")
    assert mmlu.answer(job) == job
    [path] = (tmp_path / "evaluate/answers").glob("*.json")
    made = path.stat().st_mtime_ns
    mmlu.answer(job)
    assert path.stat().st_mtime_ns == made


@pytest.mark.slow
def test_the_control_the_start_and_every_arm_answer_with_their_own_weights(control, monkeypatch):
    spec = TrainSpec(
        preset="pico", corpus=CorpusSpec(name="wiki+facts"), n_peers=1, local_steps=1, rounds=1, batch=1,
        evaluate_every=1, evaluate_sequences=1, checkpoint_every=1,
    )  # fmt: skip
    results = {"averaging seed 0": run(spec, progress=False)}
    monkeypatch.setattr(evaluate, "SUITES", {"facts_continuation": evaluate.SUITES["facts_continuation"]})
    frame = mmlu.answers_table(None, results)
    assert list(frame["model"].unique()) == ["control", "untrained", "averaging"]
    assert (frame.groupby("model").size() == len(facts.questions())).all()
    facts_of = [each["model_facts"]["weights_sha256"] for each in frame.attrs["cards"]]
    assert len(set(facts_of)) == 3
    with pytest.raises(KeyError):
        mmlu.candidate("another arm")


def test_the_table_has_a_row_for_each_question(tmp_path):
    found = [evaluate.constant_letter("facts", "A"), evaluate.constant_letter("mmlu", "D", 200)]
    found[0].correct["acc_norm"] = found[0].correct["acc"]
    frame = mmlu.table(found)
    assert len(frame) == len(facts.questions()) + 200
    assert frame.groupby("suite")["acc"].mean()["facts"] == pytest.approx(found[0].score()[0])
    assert list(frame["model"].unique()) == ["always A", "always D"]
    saved = recorded.save("answers", frame, mmlu.card(found), folder=tmp_path)
    assert [each["suite"] for each in saved.card["cards"]] == ["facts", "mmlu"]
    assert "answers" not in saved.card["cards"][0]
