"""A small live model through lm-eval: the same answers as by hand, cached, truncated with notice, quiet."""

import contextlib
import json
import logging
import os
from pathlib import Path

import datasets
import pytest
import torch

from locolab import corpus, evaluate
from locolab.config import ConfigError
from locolab.corpus import facts, mmlu, packages, tokens
from locolab.corpus.sources import Document
from locolab.evaluate import answers
from locolab.model import PRESETS, build

LIMIT = 4


@pytest.fixture(scope="module")
def tokenizer():
    texts = [document.text for document in facts.documents(passes=1)][:60]
    return tokens.train_tokenizer(texts, 400)


@pytest.fixture(scope="module")
def model():
    return build(PRESETS["pico"].replace(vocab_size=400, context=96), seed=0)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCOLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def score(model, tokenizer, name, **settings):
    settings = {"label": "pico", "limit": LIMIT, "progress": False, **settings}
    return evaluate.evaluate(model, tokenizer, name, **settings)


@torch.no_grad()
def likelihood(model, tokenizer, prompt, option):
    """Return ln P(option | prompt), by hand."""
    start, ids = len(tokenizer.encode(prompt).ids), tokenizer.encode(prompt + option).ids
    logs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return sum(logs[place - 1, ids[place]].item() for place in range(start, len(ids)))


def by_hand(model, tokenizer, question, form):
    """Return the option of the highest likelihood, and the highest per character."""
    if form == "letter":
        prompt, options = facts.letter_prompt(question), [f" {letter}" for letter in "ABCD"]
    else:
        prompt, options = facts.cloze_prompt(question), [f" {choice}" for choice in question.choices]
    values = [likelihood(model, tokenizer, prompt, option) for option in options]
    per_character = [value / len(option[1:]) for value, option in zip(values, options, strict=True)]
    return values.index(max(values)), per_character.index(max(per_character))


@pytest.mark.parametrize("name", ["facts", "facts_continuation"])
def test_the_answers_are_those_found_by_hand(model, tokenizer, name):
    found = score(model, tokenizer, name)
    groups = evaluate.questions_of(name)
    form = evaluate.SUITES[name].form
    for subject, places in found.positions.items():
        for number, place in enumerate(places):
            question = groups[subject][place]
            first, per_character = by_hand(model, tokenizer, question, form)
            assert found.correct["acc"][subject][number] == int(first == question.answer)
            if form == "cloze":
                assert found.correct["acc_norm"][subject][number] == int(per_character == question.answer)


@pytest.mark.parametrize("name", ["mmlu", "mmlu_continuation"])
def test_lm_evals_own_tasks_run_offline_and_say_what_was_cut(model, tokenizer, name, capfd):
    found = score(model, tokenizer, name)
    card = found.card()
    assert card["sample"] == f"fixed stratified sample of {LIMIT} of 14,042 questions"
    assert card["metrics"].keys() == ({"acc"} if name == "mmlu" else {"acc", "acc_norm"})
    cut = card["truncation"]
    assert cut["requests"] == 4 * LIMIT
    assert 0 < cut["too_long"] <= cut["requests"]
    assert cut["longest"] > cut["context"] == 96
    assert card["provenance"]["versions"]["lm_eval"] != "-"
    json.dumps(card, allow_nan=False)
    assert capfd.readouterr() == ("", "")


def test_a_second_call_scores_nothing_and_another_model_is_another_entry(model, tokenizer, monkeypatch):
    first = score(model, tokenizer, "facts")
    monkeypatch.setattr(answers, "_score", None)
    assert score(model, tokenizer, "facts").correct == first.correct
    with pytest.raises(TypeError):
        score(build(PRESETS["pico"].replace(vocab_size=400, context=96), seed=1), tokenizer, "facts")


def test_a_damaged_entry_is_scored_again(model, tokenizer):
    first = score(model, tokenizer, "facts", limit=1)
    for path in (answers.cache_dir() / "evaluate/answers").glob("*.json"):
        path.write_text("{")
    assert score(model, tokenizer, "facts", limit=1).correct == first.correct


def test_an_option_longer_than_the_context_is_scored_in_pieces(model, tokenizer):
    from locolab.evaluate import harness

    lm = harness.live(model, tokenizer)
    option = list(range(1, 200))
    [(value, greedy)] = lm._loglikelihood_tokens([(None, [5, 6], option)], disable_tqdm=True)
    assert lm.lengths == [200]
    assert not greedy
    pieces, context = 0.0, [5, 6]
    with torch.no_grad():
        for start in range(0, len(option), 48):
            piece = option[start : start + 48]
            ids = (context + piece)[-97:]
            logs = model(torch.tensor([ids[:-1]])).logits[0].log_softmax(-1)[-len(piece) :]
            pieces += logs[range(len(piece)), piece].sum().item()
            context += piece
    assert value == pytest.approx(pieces, rel=1e-4)


def test_nothing_is_left_changed(model, tokenizer):
    from transformers.utils import logging as transformers_logging

    before = (Path.cwd(), dict(os.environ), logging.root.manager.disable, datasets.config.HF_HUB_OFFLINE)
    assert transformers_logging.is_progress_bar_enabled()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    score(model, tokenizer, "mmlu", limit=1)
    assert torch.equal(torch.get_rng_state(), state)
    after = (Path.cwd(), dict(os.environ), logging.root.manager.disable, datasets.config.HF_HUB_OFFLINE)
    assert transformers_logging.is_progress_bar_enabled()
    assert after == before


def test_what_does_not_fit_is_refused(model, tokenizer):
    from locolab.evaluate import harness

    other = build(PRESETS["pico"].replace(vocab_size=1024), seed=0)
    with pytest.raises(ConfigError, match="does not fit the model: it has 400 tokens, the model 1,024"):
        score(other, tokenizer, "facts", limit=1)
    with pytest.raises(ConfigError, match="expected a tokenizer"):
        harness.live(model, "gpt2")
    with pytest.raises(ConfigError, match=r"n_shot should be 0 \.\. 5"):
        score(model, tokenizer, "mmlu", n_shot=6)
    with pytest.raises(ConfigError, match="leave n_shot and from_hub alone"):
        score(model, tokenizer, "facts", n_shot=1)


def test_the_hub_gives_the_same_answers_and_says_when_it_is_not_there(
    model, tokenizer, monkeypatch, tmp_path
):
    from locolab.evaluate import harness
    from locolab.evaluate.layout import mmlu_folder

    here = score(model, tokenizer, "mmlu", limit=3)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with contextlib.chdir(mmlu_folder()):  # its folder cais/mmlu stands in for the hub's data set
        there = score(model, tokenizer, "mmlu", limit=3, from_hub=True)
    assert there.correct == here.correct
    assert there.facts["questions_from"] == "hub"

    def unreachable(_name, _n_shot):
        raise ConnectionError("Couldn't reach 'cais/mmlu' on the Hub")

    monkeypatch.setattr(harness, "mmlu_task", unreachable)
    with pytest.raises(
        ConfigError, match=r"cannot be reached .*; without from_hub they come from the package"
    ):
        score(model, tokenizer, "mmlu", limit=4, from_hub=True)


def test_other_questions_than_those_asked_for_are_refused(model, tokenizer, monkeypatch):
    from locolab.evaluate import harness

    row = {"doc": {"question": "Another one?", "answer": 0}, "acc": 1.0}
    monkeypatch.setattr(harness, "run", lambda _lm, _task, places: [row for _ in places])
    with pytest.raises(mmlu.MalformedQuestions, match="another question at"):
        score(model, tokenizer, "facts", limit=2)


def test_bits_per_byte_of_whole_documents(model, tmp_path):
    (tmp_path / "texts").mkdir()
    for number, (_, text, _) in enumerate(
        [Document("a", f"Number {n} is a number. " * 30) for n in range(40)]
    ):
        (tmp_path / "texts" / f"{number}.txt").write_text(text)
    text = corpus.load(
        corpus.CorpusSpec(name=f"text:{tmp_path / 'texts'}", vocab_size=257, validation_fraction=0.3)
    )
    small = build(PRESETS["pico"].replace(vocab_size=257), seed=0)
    value = evaluate.bits_per_byte(small, text.tokenizer, text, documents=1)
    # an untrained model gives each of 257 tokens about the same chance; here a token is a byte
    assert value == pytest.approx(8.0, abs=0.3)


def test_the_control_says_how_to_fetch_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_PACKAGES", str(tmp_path))
    with pytest.raises(packages.MissingPackage, match=r"run \./run_all\.sh data control"):
        evaluate.load_control()


@pytest.mark.slow
def test_the_control_knows_the_capital_of_france():
    try:
        model, tokenizer = evaluate.load_control()
    except packages.MissingPackage as missing:
        pytest.skip(str(missing))
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    written = tokenizer.decode(model.generate(ids, max_new_tokens=1, do_sample=False)[0])
    assert written == "The capital of France is Paris"


@pytest.mark.slow
def test_five_examples_are_shown_and_gaps_are_named(model, tokenizer):
    found = score(model, tokenizer, "mmlu", limit=1, n_shot=5)
    assert found.facts["n_shot_gaps"] == {"college_chemistry": 3, "formal_logic": 4, "human_aging": 4}
    assert (
        found.facts["truncation"]["longest"]
        > score(model, tokenizer, "mmlu", limit=1).facts["truncation"]["longest"]
    )
