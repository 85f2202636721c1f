"""Recorded experiments: stopped at the limit, continued, saved with what made them."""

import dataclasses
import random
import time

import pandas as pd
import pytest

from locolab.config import ConfigError
from locolab.corpus import CorpusSpec, MissingPackage, pretrained
from locolab.files import cache_dir
from locolab.report import recorded
from locolab.run import record
from locolab.run.experiments import EXPERIMENTS, Experiment

WORDS = ["the", "old", "tall", "river", "stone", "king", "star", "grows", "falls", "sings"]


@pytest.fixture
def registry(tmp_path, results, monkeypatch):
    """Return an experiment of two runs of a second each, on a text of its own."""
    folder, draw = tmp_path / "text", random.Random(0)
    folder.mkdir()
    for number in range(20):
        lines = [" ".join(draw.choices(WORDS, k=12)).capitalize() + "." for _ in range(40)]
        (folder / f"{number:02d}.txt").write_text("\n\n".join(lines))
    corpus = CorpusSpec(name=f"text:{folder}", vocab_size=300, validation_fraction=0.2)
    arm = {"preset": "pico", "corpus": corpus, "n_peers": 2, "local_steps": 2, "rounds": 2, "batch": 1}
    saved = recorded.save
    monkeypatch.setattr(
        recorded, "save", lambda name, frame, card: saved(name, frame, card, tmp_path / "recorded")
    )

    def table(experiment, runs):
        return pd.DataFrame(
            {"label": list(runs), "loss": [run.rounds[-1].train_loss for run in runs.values()]}
        )

    return {"tiny": Experiment("two tiny runs", 1, {"averaging": arm}, table, (0, 1))}


def test_stopped_at_the_limit_it_goes_on_and_saves(registry, tmp_path, capsys):
    assert record.record("tiny", 0.0005, registry=registry) == record.TIME_IS_UP
    assert "time is up: 2 of 2 runs are left (averaging seed 0 is next)" in capsys.readouterr().out
    assert not (tmp_path / "recorded").exists()

    assert record.record("tiny", 2, registry=registry) == record.DONE
    assert "recorded tiny: 2 rows of 2 runs" in capsys.readouterr().out
    found = recorded.load("tiny", tmp_path / "recorded")
    assert list(found.frame.label) == ["averaging seed 0", "averaging seed 1"]
    assert found.card["command"] == "python -m locolab record tiny --max-minutes 2"
    assert found.card["seeds"] == [0, 1]
    assert {"commit", "device", "versions", "date", "sha256", "description"} <= set(found.card)


def wait_for_leave(results, jobs):
    """What an experiment prepares: it ends when the test says so."""
    while not (cache_dir() / "leave").exists():
        time.sleep(0.05)


def test_what_follows_the_trainings_is_stopped_at_the_limit_too(registry, tmp_path, capsys):
    assert record.record("tiny", 2, registry=registry) == record.DONE
    longer = {"tiny": dataclasses.replace(registry["tiny"], prepare=wait_for_leave)}
    (tmp_path / "recorded/tiny.json").unlink()
    assert record.record("tiny", 0.05, registry=longer) == record.TIME_IS_UP
    assert "time is up: the runs are done; run the same" in capsys.readouterr().out
    assert not (tmp_path / "recorded/tiny.json").exists()

    (cache_dir() / "leave").touch()
    assert record.record("tiny", 2, registry=longer) == record.DONE
    assert (tmp_path / "recorded/tiny.json").exists()


def test_a_pretrained_model_that_is_not_there_is_asked_for_before_any_training(registry, monkeypatch):
    class Absent:
        def path(self):
            raise MissingPackage("run ./run_all.sh data control")

    monkeypatch.setitem(pretrained.PRETRAINED, "absent", Absent())
    needs = {"tiny": dataclasses.replace(registry["tiny"], pretrained="absent")}
    with pytest.raises(MissingPackage, match="data control"):
        record.record("tiny", 2, registry=needs)
    assert not list(cache_dir().glob("runs/*"))


def test_a_training_that_fails_says_so(registry, tmp_path):
    nowhere = CorpusSpec(name=f"text:{tmp_path / 'nowhere'}")
    broken = Experiment(
        "broken", 1, {"x": {"preset": "pico", "corpus": nowhere}}, registry["tiny"].table, (0,)
    )
    with pytest.raises(RuntimeError, match="ended with code 1; its error is above"):
        record.record("broken", 2, registry={"broken": broken})


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(ConfigError, match=r"no experiment 'feedbak'; did you mean 'feedback'\?"):
        record.record("feedbak", 1)


def test_the_list_says_what_is_there(capsys):
    assert record.print_list() == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(name in out for name in EXPERIMENTS)


def test_arms_of_the_local_steps_experiments_see_the_same_tokens():
    for name in ("local_steps", "local_steps_tuning"):
        specs = [run.spec for run in EXPERIMENTS[name].specs().values()]
        assert len({spec.rounds * spec.tokens_per_round for spec in specs}) == 1
