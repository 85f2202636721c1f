"""`locolab evaluate`: a cached run and a saved folder are scored alike, and what is no model is named."""

import json

import pytest
from transformers import PreTrainedTokenizerFast

from locolab import corpus, train
from locolab.corpus import CorpusSpec
from locolab.evaluate import harness
from locolab.run.cli import main
from locolab.train import TrainSpec


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one step on a text of our own."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "texts").mkdir()
    for number in range(40):
        words = " ".join(f"word{number * 300 + place}" for place in range(300))
        (folder / "texts" / f"{number}.txt").write_text(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCOLAB_CACHE", str(folder / "cache"))
        spec = TrainSpec(
            preset="pico",
            corpus=CorpusSpec(name=f"text:{folder / 'texts'}", vocab_size=300, validation_fraction=0.3),
            n_peers=1,
            rounds=1,
            local_steps=1,
        )
        yield train.run(spec, progress=False)


def cards(model, out, tasks="facts_continuation"):
    code = main(["evaluate", "--model", str(model), "--tasks", tasks, "--limit", "3", "--json", str(out)])
    assert code == 0
    return json.loads(out.read_text())


def test_a_cached_run_and_the_same_model_saved_get_the_same_answers(trained, tmp_path, capsys):
    first = cards(trained.directory, tmp_path / "run.json", "facts_continuation,facts")
    assert [card["form"] for card in first] == ["cloze", "letter"]
    assert first[0]["model"] == "averaging seed 0"
    trained.load_model().save_pretrained(tmp_path / "saved")
    tokenizer = corpus.load(trained.spec.corpus).tokenizer
    bare = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    bare.save_pretrained(tmp_path / "saved")
    assert main(["evaluate", "--model", str(tmp_path / "saved"), "--tasks", "facts", "--limit", "1"]) == 3
    assert "set its eos_token" in capsys.readouterr().err
    bare.eos_token = "<|end|>"
    bare.save_pretrained(tmp_path / "saved")
    [second] = cards(tmp_path / "saved", tmp_path / "saved.json")
    assert second["answers"] == first[0]["answers"]
    assert second["model"] == "saved"
    shown = " ".join(capsys.readouterr().out.split())
    assert "fixed stratified sample of 3 of" in shown
    assert "too long for a context of 32 tokens" in shown


def test_what_is_no_model_is_one_line(trained, tmp_path, capsys):
    def stderr(*words):
        assert main(["evaluate", *words]) == 3
        [line] = capsys.readouterr().err.splitlines()
        return line

    assert "holds neither a cached run" in stderr("--model", str(tmp_path), "--tasks", "facts")
    assert "no suite 'arc'" in stderr("--model", str(tmp_path), "--tasks", "arc")
    (tmp_path / "spec.json").write_text("{}")
    assert "is not a complete cached run" in stderr("--model", str(tmp_path), "--tasks", "facts")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/config.json").write_text("{}")
    assert "cannot be read as a saved model" in stderr("--model", str(tmp_path / "bad"), "--tasks", "facts")


def test_a_hub_that_is_not_reached_is_one_line(trained, monkeypatch, capsys):
    def unreachable(_name, _n_shot):
        raise ConnectionError("Couldn't reach 'cais/mmlu' on the Hub")

    monkeypatch.setattr(harness, "mmlu_task", unreachable)
    words = ["--model", str(trained.directory), "--tasks", "mmlu", "--limit", "1", "--from-hub"]
    assert main(["evaluate", *words]) == 3
    assert "which cannot be reached" in capsys.readouterr().err.splitlines()[-1]
