"""Cleaning, the split without shared text, the tokenizer and the compressors' yardstick."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.corpus import documents, tokens
from locolab.corpus.baselines import compressors
from locolab.corpus.sources import Document

WORDS = [a + b for a in ("ba", "do", "ki", "lu", "mer", "sta", "vi") for b in ("n", "sel", "ta", "rim")]


def prose(seed: int, length: int = 60) -> str:
    """Return `length` random words that only `seed` decides."""
    return " ".join(random.Random(seed).choices(WORDS, k=length)) + "."


@pytest.fixture(scope="module")
def tokenizer():
    return tokens.train_tokenizer([prose(seed) for seed in range(50)], 300)


@given(st.text(max_size=300))
def test_cleaning_is_idempotent_and_leaves_single_blanks(text):
    once = documents.clean(text)
    assert documents.clean(once) == once
    assert "  " not in once
    assert "\u00a0" not in once


@pytest.mark.parametrize(
    "text",
    [
        "The Tale of Genji  is a classic.",
        "A chair ( ) is a seat.",
        "Aniline () is simple.",
        "for every natural number , it holds.",
        "often denoted as \u2060 . It",
        "A viola ( vee-OH-lə) is small.",
        "This concept is further refined as:",
    ],
)
def test_articles_with_holes_are_dropped(text):
    kept, counts = documents.select([Document("wiki/A", f"A\n{text}"), Document("text/a#0", f"A\n{text}")])
    assert [document.id for document in kept] == ["text/a#0"]
    assert counts["dropped: hole"] == 1


@pytest.mark.parametrize(
    "text",
    ["He said “no.”", "Version 2.5, e.g. a .5 share, at 10:30.", "Who (if any)? It ends...", "Yes!"],
)
def test_whole_articles_stay(text):
    assert not documents.has_hole(text)


def test_exact_duplicates_and_empty_documents_are_dropped():
    texts = ["A\nOne two.", "B\nOne  two!", "C\n...", ""]
    kept, counts = documents.select(Document(f"text/{i}", text) for i, text in enumerate(texts))
    assert [document.text for document in kept] == ["A\nOne two."]
    assert counts == {"read": 4, "dropped: duplicate": 1, "dropped: empty": 2}


def shared_runs(left: list[Document], right: list[Document], length: int = 13) -> set[tuple[str, ...]]:
    """Return the word runs of `left` that occur in `right`: a second way to say what `split` promises."""

    def runs(found: list[Document]) -> set[tuple[str, ...]]:
        split = ["".join(c if c.isalnum() else " " for c in d.text.lower()).split() for d in found]
        return {tuple(words[i : i + length]) for words in split for i in range(len(words) - length + 1)}

    return runs(left) & runs(right)


def test_near_duplicates_never_reach_validation():
    originals = [Document(f"a{i}", prose(i)) for i in range(200)]
    edited = [Document(f"b{i}", "Changed start. " + prose(i).upper() + " And end.") for i in range(200)]
    train, validation, dropped = documents.split([*originals, *edited], fraction=0.3, seed=1)
    assert shared_runs(validation, train) == set()
    assert shared_runs(originals, edited)
    assert dropped > 0
    assert validation
    # What is left of validation are the pairs that fell into it together: about 0.3 squared of them.
    assert {document.id[1:] for document in validation}.isdisjoint(document.id[1:] for document in train)


def test_split_depends_on_the_document_alone():
    found = [Document(f"d{i}", prose(i)) for i in range(400)]
    _, validation, _ = documents.split(found, 0.1, seed=3)
    _, fewer, _ = documents.split(found[::2], 0.1, seed=3)
    assert set(fewer) == set(validation) & set(found[::2])
    assert 15 < len(validation) < 65
    assert set(documents.split(found, 0.1, seed=4)[1]) != set(validation)


@given(st.lists(st.text(max_size=80), max_size=5))
def test_tokens_stand_for_exactly_the_text(tokenizer, texts):
    stream = tokens.encode(tokenizer, texts)
    assert stream.dtype == np.uint16
    assert tokens.token_bytes(tokenizer)[stream].sum() == len(tokens.joined(texts))
    parts = np.split(stream, np.flatnonzero(stream == tokens.END_ID) + 1)[:-1]
    assert [tokenizer.decode(part[:-1].tolist()) for part in parts] == texts


def test_an_end_token_written_out_in_a_text_is_text(tokenizer):
    stream = tokens.encode(tokenizer, [f"a {tokens.END} b"])
    assert (stream == tokens.END_ID).sum() == 1
    assert stream[-1] == tokens.END_ID


def test_a_text_too_short_for_the_vocabulary_says_so():
    with pytest.raises(ValueError, match="fewer than vocab_size=2000"):
        tokens.train_tokenizer([prose(0)], 2000)


def test_compressors_know_noise_from_repetition():
    noise = random.Random(0).randbytes(20_000)
    alone = compressors(noise)
    assert alone["gzip"] >= 8
    assert alone["xz_after_train"] == alone["xz"] >= 8
    assert compressors(noise, before=noise)["xz_after_train"] < 0.2
