"""A continuation begins as asked, repeats with its seed, and fits the model's context."""

import pytest
from tokenizers import Tokenizer

from locolab.corpus.tokens import train_tokenizer
from locolab.model import PRESETS, build
from locolab.report.samples import continuation

TEXTS = ["the city of the north and the city of the south", "a river runs through the old city"] * 5


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, 280)


@pytest.fixture(scope="module")
def model(tokenizer):
    return build(PRESETS["pico"].replace(vocab_size=280), seed=0)


def test_the_same_seed_gives_the_same_text(model, tokenizer):
    first, again, other = (continuation(model, tokenizer, "the city", 12, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert first.startswith("the city")


def test_it_goes_on_beyond_the_context(model, tokenizer):
    longer = continuation(model, tokenizer, "the city of", PRESETS["pico"].context + 8)
    assert len(longer) > len("the city of")


def test_a_low_temperature_takes_the_likeliest(model, tokenizer):
    cold = {continuation(model, tokenizer, "the", 6, temperature=1e-4, seed=seed) for seed in range(3)}
    assert len(cold) == 1
