"""A small synthetic text and the smallest model, so that a whole run takes about a second."""

import random

import pytest

from locolab import corpus
from locolab.compress import CompressionSpec
from locolab.corpus import CorpusSpec
from locolab.train import Swarm, TrainSpec

WORDS = [
    "the",
    "a",
    "old",
    "tall",
    "bright",
    "river",
    "stone",
    "king",
    "ship",
    "star",
    "grows",
    "falls",
    "sings",
]


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache folder of this test session's own; child processes inherit it through the environment."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCOLAB_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def corpus_spec(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    draw = random.Random(0)
    for number in range(30):
        lines = [" ".join(draw.choices(WORDS, k=12)).capitalize() + "." for _ in range(40)]
        (folder / f"{number:02d}.txt").write_text("\n\n".join(lines))
    return CorpusSpec(name=f"text:{folder}", vocab_size=300, validation_fraction=0.2)


@pytest.fixture(scope="session")
def text(corpus_spec):
    return corpus.load(corpus_spec)


@pytest.fixture
def spec(corpus_spec):
    """Two peers, three steps, four rounds of averaging; tests change what they are about."""
    return TrainSpec(
        method="averaging",
        preset="pico",
        corpus=corpus_spec,
        n_peers=2,
        local_steps=3,
        rounds=4,
        batch=2,
        evaluate_every=2,
        evaluate_sequences=8,
        checkpoint_every=1,
    )


@pytest.fixture
def sparse(spec):
    """The same run with SparseLoCo on small chunks."""
    return spec.replace(method="sparseloco", compression=CompressionSpec(chunk=64, k=8))


@pytest.fixture
def train(text):
    """Train a specification in memory; return the swarm and its records."""

    def go(spec, **parts):
        swarm = Swarm(spec, text, **parts)
        return swarm, [swarm.round() for _ in range(spec.rounds)]

    return go
