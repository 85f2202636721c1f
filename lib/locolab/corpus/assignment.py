"""Who trains on what: sample ids that follow from (peer, round) alone, so a validator can re-derive them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def assignment_seed(peer: int, window: int) -> int:
    """Return the seed of a peer's data in a window (a round): ((peer * 1000003) XOR window) mod 2^32.

    The rule of the public code (one-covenant/templar v2.1.3, sharded_sampler.py).

    >>> assignment_seed(0, 12), assignment_seed(1, 0)
    (12, 1000003)
    """
    return ((peer * 1_000_003) ^ window) % 2**32


def pool_ids(peer: int, round: int, *, n_samples: int, size: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the sample ids a peer may train on in a round; int64 [size], distinct, order matters.

    Anybody who knows (peer, round, seed) gets the same ids. With seed 0 the generator is the public
    code's; other seeds give independent draws, so that repeated experiments differ.

    >>> pool_ids(peer=3, round=7, n_samples=100, size=5)
    array([30, 16,  0, 13, 47])
    """
    return _draw(_generator(peer, round, seed), n_samples, size)


def sample_ids(
    peer: int, round: int, *, n_samples: int, count: int, pool: int | None = None, seed: int = 0
) -> NDArray[np.int64]:
    """Return the ids of the samples a peer trains on in a round, in training order; int64 [count].

    They are the first `count` of its pool. By default a pool is 16/3 of that: 18.75 % of it is trained, as
    30 x 192 of 30 x 1024 samples in the public code (templar v2.1.3). If `count` exceeds the pool, further
    passes over it follow, each in a new order.

    >>> sample_ids(peer=3, round=7, n_samples=100, count=3, pool=5)
    array([30, 16,  0])
    """
    if count < 0:
        raise ValueError(f"count must not be negative, got {count}")
    size = min(n_samples, max(1, count * 16 // 3)) if pool is None else pool
    generator = _generator(peer, round, seed)
    ids = _draw(generator, n_samples, size)
    passes = [ids]
    while len(passes) * size < count:
        passes.append(generator.permutation(ids))
    return np.concatenate(passes)[:count]


def n_samples(tokens: NDArray[np.generic], context: int) -> int:
    """Return how many samples a token stream holds: windows of context + 1 tokens, `context` apart.

    >>> n_samples(np.arange(9), context=4)
    2
    """
    if context < 1:
        raise ValueError(f"context must be at least 1, got {context}")
    return max(0, (len(tokens) - 1) // context)


def samples(tokens: NDArray[np.generic], ids: NDArray[np.int64], context: int) -> NDArray[np.int64]:
    """Return windows of tokens, int64 [len(ids), context + 1]: inputs are [:, :-1], targets [:, 1:].

    Neighbouring windows share one token, so every token but the first is a target exactly once.
    Raises IndexError for an id outside 0 .. n_samples - 1.

    >>> samples(np.arange(9), np.array([1, 0]), context=4)
    array([[4, 5, 6, 7, 8],
           [0, 1, 2, 3, 4]])
    """
    ids = np.asarray(ids, np.int64)
    count = n_samples(tokens, context)
    if ids.size and not 0 <= ids.min() <= ids.max() < count:
        raise IndexError(f"sample ids reach from {ids.min()} to {ids.max()}, the text has 0 .. {count - 1}")
    return np.asarray(tokens[ids[:, None] * context + np.arange(context + 1)], np.int64)


def _generator(peer: int, round: int, seed: int) -> np.random.Generator:
    return np.random.default_rng([assignment_seed(peer, round), seed])


def _draw(generator: np.random.Generator, n_samples: int, size: int) -> NDArray[np.int64]:
    if not 0 < size <= n_samples:
        raise ValueError(f"a pool of {size} samples cannot be drawn from {n_samples}")
    return generator.choice(n_samples, size=size, replace=False).astype(np.int64)
