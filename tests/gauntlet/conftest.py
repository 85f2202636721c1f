"""One round of a tiny swarm; tests may replace what lies in the bucket, when it came, and the probes."""

import numpy as np
import pytest
import torch
from numpy.random import default_rng

from locolab.compress import CompressionSpec, compress, encode
from locolab.corpus import Corpus, CorpusSpec
from locolab.network import Bucket, key_of
from locolab.train import Submissions, Swarm, TrainSpec
from locolab.train.flat import views
from locolab.train.probe import make_probe, probe_key

N_PEERS = 6


def round_of(swarm, payloads, seconds=None, probes=None, number=0):
    """Return a round of these payloads (None: nothing), uploaded at 10 s, probes in sync, or as given."""
    bucket = Bucket()
    probes = {peer: make_probe(swarm.theta, peer, number) for peer in payloads} | (probes or {})
    for key_for, contents in ((key_of, payloads), (probe_key, probes)):
        for peer, content in contents.items():
            if content is not None:
                bucket.put(key_for(number, peer), content)
    uploads = dict.fromkeys(payloads, 10.0) | (seconds or {})
    return Submissions(
        number, None, swarm.theta, bucket, uploads, swarm.wire, swarm.spec, swarm.text, swarm.model
    )


@pytest.fixture(scope="session")
def text():
    """A text whose every token follows from the one before most of the time: easily learned."""
    draw = default_rng(0)
    follow, tokens = draw.permutation(300), np.empty(40_000, np.uint16)
    tokens[0], jumps = 1, draw.random(len(tokens)) < 0.2
    other = draw.integers(300, size=len(tokens))
    for at in range(1, len(tokens)):
        tokens[at] = other[at] if jumps[at] else follow[tokens[at - 1]]
    return Corpus(
        CorpusSpec(vocab_size=300), tokens[:36_000], tokens[36_000:], None, np.ones(300, int), {}, {}
    )


@pytest.fixture(scope="session")
def spec():
    return TrainSpec(
        method="sparseloco",
        preset="pico",
        corpus=CorpusSpec(vocab_size=300),
        n_peers=N_PEERS,
        local_steps=4,
        rounds=4,
        batch=4,
        inner_lr=8e-3,
        warmup=0.0,
        norm_clip="median_norm",
        compression=CompressionSpec(chunk=256, k=16),
        evaluate_every=4,
        evaluate_sequences=8,
    )


@pytest.fixture
def swarm(spec, text):
    return Swarm(spec, text)


@pytest.fixture(scope="session")
def honest(spec, text):
    """Return what honest peers send in round 0, by peer."""
    swarm = Swarm(spec, text)
    return {peer.index: peer.round(swarm.theta, 0) for peer in swarm.peers}


@pytest.fixture(scope="session")
def shaped(spec, text):
    """Return a function: flat numbers to the payload and the update that carry them."""
    shapes = Swarm(spec, text).model.shapes

    def go(numbers):
        delta = views(torch.as_tensor(numbers, dtype=torch.float32), shapes)
        feedback = {name: torch.zeros(shape) for name, shape in shapes.items()}
        update = compress(delta, feedback, spec.compression)
        return encode(update), update

    return go


@pytest.fixture(scope="session")
def make_round():
    return round_of
