"""Continued pretraining as an experiment: paired arms, equal trials, one row per arm, suite and split."""

import copy

import numpy as np
import pytest
import torch

from locolab import evaluate
from locolab.corpus import Corpus, CorpusSpec, MissingPackage, facts, pretrained
from locolab.corpus.tokens import END_ID, train_tokenizer
from locolab.model import PRESETS, build
from locolab.report import recorded
from locolab.run import evaluate_command
from locolab.run.experiments import continued
from locolab.run.experiments.experiment import Experiment
from locolab.train import run
from stand_in import StandIn

SMALL = PRESETS["pico"].replace(vocab_size=300, context=512)
SENTENCES = [f"The river {n} runs from stone {n * n} to the old town {n + 7}." for n in range(400)]


def test_both_methods_are_tried_equally_often_and_see_the_same_tokens():
    found = {name: each.specs() for name, each in continued.EXPERIMENTS.items()}
    for specs in found.values():
        assert len({arm.spec.rounds * arm.spec.tokens_per_round for arm in specs.values()}) == 1
    tried = [label.split(" ")[0] for label in found["continued_tuning"]]
    assert {arm: tried.count(arm) for arm in continued.METHODS} == dict.fromkeys(continued.METHODS, 3)


@pytest.mark.parametrize("arm", continued.METHODS)
def test_the_rate_is_the_best_recorded_trial_and_on_no_edge(arm):
    trials = recorded.load("continued_tuning").frame.query("arm == @arm").set_index("inner_lr")
    assert tuple(trials.index) == continued.RATES[arm]
    assert continued.TUNED[arm] == trials["validation_loss"].idxmin()
    assert min(trials.index) < continued.TUNED[arm] < max(trials.index)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The experiment with a model of 300 tokens in the place of the package's, on a small text."""
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "texts").mkdir()
    for place in range(20):
        (tmp_path / "texts" / f"{place:02d}.txt").write_text("\n\n".join(SENTENCES[20 * place :][:20]))
    source = StandIn(train_tokenizer(SENTENCES, 300), build(SMALL, seed=77))
    monkeypatch.setitem(pretrained.PRETRAINED, "smollm2", source)
    monkeypatch.setitem(PRESETS, "smollm2", SMALL)
    given = copy.deepcopy(source.weights).to(torch.bfloat16)
    monkeypatch.setattr(evaluate, "load_control", lambda: (given, source.tokenizer()))
    text = CorpusSpec(name=f"text:{tmp_path / 'texts'}", vocab_size=300, tokenizer="smollm2")
    monkeypatch.setattr(continued, "TEXT", text.replace(validation_fraction=0.3))
    monkeypatch.setattr(continued, "retold", lambda corpus_: corpus_)
    monkeypatch.setattr(continued, "QUESTIONS", {"facts_continuation": 8, "mmlu_continuation": 4})
    settings = {"corpus": continued.TEXT, "context": 16}
    arms = {arm: {**continued.run_of(arm, 1e-2, 2), **settings} for arm in continued.METHODS}
    return Experiment("small", 1, arms, continued.scores_table, (0,))


class Answers:
    """An evaluation of which every second question is right, every one of an unseen split wrong."""

    def __init__(self, suite):
        self.suite = suite

    def answers(self, metric, split):
        return [0, 0] if split == "unstated" else [1, 0, 1, 0]


def test_the_table_has_a_row_for_every_arm_suite_and_split(small, monkeypatch):
    asked, read = [], []

    def ask(model, tokenizer, suite, *, label, limit):
        asked.append((label, suite, limit, next(iter(model.parameters())).sum().item()))
        return Answers(suite)

    def bits(model, tokenizer, text, documents):
        read.append(model)
        return 1.5

    monkeypatch.setattr(evaluate, "evaluate", ask)
    monkeypatch.setattr(evaluate, "bits_per_byte", bits)
    results = {label: run(arm, progress=False) for label, arm in small.specs().items()}
    table = small.table(small, results)
    assert table.groupby("model", sort=False).size().to_dict() == {"start": 7, "adamw_dp": 7, "sparseloco": 7}
    asked_facts = table[(table["model"] == "adamw_dp") & (table["suite"] == "facts_continuation")]
    assert asked_facts.set_index("split")[["n", "correct", "value"]].T.to_dict("list") == {
        "taught": [4, 2, 0.5],
        "fact": [4, 2, 0.5],
        "entity": [4, 2, 0.5],
        "unstated": [2, 0, 0.0],
    }
    assert asked_facts.set_index("split")["answers"].to_dict()["taught"] == "1010"
    ends = table.groupby("model")[["tokens", "sent_bytes"]].max()
    assert ends.loc["start"].tolist() == [0, 0]
    assert ends.loc["adamw_dp", "tokens"] == ends.loc["sparseloco", "tokens"] == 2 * 2 * 5 * 16
    assert 0 < ends.loc["sparseloco", "sent_bytes"] < ends.loc["adamw_dp", "sent_bytes"] / 10
    assert len({weights for *_, weights in asked}) == 3  # each arm answers with its own weights
    assert table.loc[table["suite"] == "bits_per_byte", "correct"].isna().all()
    _, tokenizer, _ = evaluate_command.load(str(next(iter(results.values())).directory))
    assert len(tokenizer) == 300  # the given one, which names its own special tokens


def test_the_retold_facts_are_told_in_no_training_text():
    try:
        told = {document.text for document in facts.documents()}
    except MissingPackage as missing:
        pytest.skip(str(missing))
    tokenizer = train_tokenizer(sorted(told)[:200], 300)
    retold = continued.retold(Corpus(continued.TEXT, *[np.zeros(0, np.uint16)] * 2, tokenizer, None, {}, {}))
    ends = np.flatnonzero(retold.validation == END_ID)
    documents = [tokenizer.decode(ids[ids != END_ID].tolist()) for ids in np.split(retold.validation, ends)]
    assert len(ends) > 20
    assert told.isdisjoint(documents)
    assert all(document.split(".")[0] for document in documents[:-1])
