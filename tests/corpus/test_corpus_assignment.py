"""Anybody re-derives who trains on what; methods compared with one seed see the same samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab import corpus

peers = st.integers(0, 300)
rounds = st.integers(0, 10_000)


def test_seed_is_the_public_rule():
    """Worked by hand: 2 * 1000003 = 2000006 = 0b111101000010010000110; XOR 5 flips bits 0 and 2."""
    assert corpus.assignment_seed(2, 5) == 2000003
    assert corpus.assignment_seed(5000, 0) == 5000 * 1000003 - 2**32


def test_no_two_of_256_peers_and_200_windows_share_a_seed():
    seeds = {corpus.assignment_seed(peer, window) for peer in range(256) for window in range(200)}
    assert len(seeds) == 256 * 200


def test_seed_zero_draws_what_the_public_construction_draws():
    """templar v2.1.3: default_rng(seed).choice(N, size, replace=False); an appended zero adds no entropy."""
    public = np.random.default_rng(corpus.assignment_seed(4, 9)).choice(5000, size=64, replace=False)
    np.testing.assert_array_equal(corpus.pool_ids(4, 9, n_samples=5000, size=64), public)


@given(peers, rounds, st.integers(1, 400), st.integers(0, 60), st.integers(0, 3))
def test_samples_are_the_head_of_the_pool(peer, round_, n, count, seed):
    ids = corpus.sample_ids(peer, round_, n_samples=n, count=count, seed=seed)
    size = min(n, max(1, count * 16 // 3))
    pool = corpus.pool_ids(peer, round_, n_samples=n, size=size, seed=seed)
    assert ids.dtype == np.int64
    assert len(ids) == count
    assert len(set(pool.tolist())) == size
    assert pool.min() >= 0
    assert pool.max() < n
    np.testing.assert_array_equal(ids[:size], pool[:count])


@given(peers, rounds, st.integers(1, 12), st.integers(1, 60))
def test_more_samples_than_the_pool_are_whole_passes(peer, round_, pool, count):
    ids = corpus.sample_ids(peer, round_, n_samples=40, count=count, pool=pool)
    expected = set(corpus.pool_ids(peer, round_, n_samples=40, size=pool).tolist())
    for start in range(0, count - pool + 1, pool):
        assert set(ids[start : start + pool].tolist()) == expected


def test_by_default_18_75_percent_of_the_pool_is_trained():
    """The public code trains 30 x 192 of 30 x 1024 samples; a sixteenth times three."""
    pool = corpus.pool_ids(1, 2, n_samples=100_000, size=30 * 1024)
    np.testing.assert_array_equal(
        corpus.sample_ids(1, 2, n_samples=100_000, count=30 * 192), pool[: round(0.1875 * len(pool))]
    )


def test_another_peer_round_or_seed_draws_other_samples():
    draw = corpus.sample_ids(1, 1, n_samples=10_000, count=50)
    for other in ({"peer": 2}, {"round": 2}, {"seed": 1}):
        arguments = {"peer": 1, "round": 1, "seed": 0, **other}
        assert len(np.intersect1d(draw, corpus.sample_ids(**arguments, n_samples=10_000, count=50))) < 10


def test_impossible_requests_are_refused():
    with pytest.raises(ValueError, match="pool of 11 samples cannot be drawn from 10"):
        corpus.pool_ids(0, 0, n_samples=10, size=11)
    with pytest.raises(ValueError, match="cannot be drawn from 0"):
        corpus.sample_ids(0, 0, n_samples=0, count=4)
    with pytest.raises(ValueError, match="count must not be negative"):
        corpus.sample_ids(0, 0, n_samples=5, count=-1)
    with pytest.raises(ValueError, match="context must be at least 1"):
        corpus.n_samples(np.arange(5), 0)
    for ids in ([2], [-1]):
        with pytest.raises(IndexError, match=r"the text has 0 \.\. 1"):
            corpus.samples(np.arange(9), np.array(ids), 4)


@given(st.integers(0, 200), st.integers(1, 40))
def test_every_token_but_the_first_is_a_target_once(length, context):
    tokens = np.arange(length, dtype=np.uint16)
    count = corpus.n_samples(tokens, context)
    windows = corpus.samples(tokens, np.arange(count), context)
    assert windows.shape == (count, context + 1)
    assert windows.dtype == np.int64
    np.testing.assert_array_equal(windows[:, 1:].ravel(), tokens[1 : count * context + 1])
    np.testing.assert_array_equal(windows[:, :-1] + 1, windows[:, 1:])
    assert length - 1 - count * context < context
