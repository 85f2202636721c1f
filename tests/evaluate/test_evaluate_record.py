"""The recording of the control: every subject once, resumable, one row a question."""

import multiprocessing
import time

import pytest

from locolab import evaluate
from locolab.corpus import facts, tokens
from locolab.evaluate.suites import questions_of
from locolab.model import PRESETS, build
from locolab.report import recorded
from locolab.run.experiments import mmlu


def test_every_subject_of_every_suite_is_asked_once_the_longest_first():
    todo = mmlu.pending()
    assert len(todo) == len(set(todo)) == sum(len(questions_of(name)) for name in evaluate.SUITES)
    assert todo[0] == ("mmlu_continuation", "professional_law")


def test_a_job_is_kept_and_not_done_again(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path))
    tokenizer = tokens.train_tokenizer([each.text for each in facts.documents(passes=1)][:40], 400)
    model = build(PRESETS["pico"].replace(vocab_size=400, context=96), seed=0)
    monkeypatch.setattr(evaluate, "load_control", lambda: (model, tokenizer))
    monkeypatch.setattr(mmlu, "_candidate", None)
    mmlu._prepare()
    job = ("facts", "blocks")
    assert mmlu.answer(job) == job
    [path] = (tmp_path / "evaluate/answers").glob("*.json")
    made = path.stat().st_mtime_ns
    mmlu.answer(job)
    assert path.stat().st_mtime_ns == made


class Pool:
    """Answers two jobs, then takes too long."""

    def imap_unordered(self, _function, todo):
        self.left = list(todo)[:2]
        return self

    def next(self, timeout):
        assert timeout >= 0
        if not self.left:
            raise multiprocessing.TimeoutError
        return self.left.pop(0)


def test_when_the_time_is_up_what_is_done_is_told():
    todo = [("facts", "blocks"), ("facts", "groups"), ("facts", "periods")]
    assert list(mmlu.pool_results(Pool(), todo, time.monotonic())) == todo[:2]


def test_the_table_has_a_row_for_each_question(tmp_path):
    found = [evaluate.constant_letter("facts", "A"), evaluate.constant_letter("mmlu", "D", 200)]
    found[0].correct["acc_norm"] = found[0].correct["acc"]
    frame = mmlu.table(found)
    assert len(frame) == len(facts.questions()) + 200
    assert frame.groupby("suite")["acc"].mean()["facts"] == pytest.approx(found[0].score()[0])
    saved = recorded.save("mmlu_control", frame, mmlu.card(found, "test"), folder=tmp_path)
    assert [each["suite"] for each in saved.card["cards"]] == ["facts", "mmlu"]
    assert "answers" not in saved.card["cards"][0]
