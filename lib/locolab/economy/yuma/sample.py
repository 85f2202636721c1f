"""A metagraph of any size with random stake and weights, for trying and timing."""

from __future__ import annotations

import numpy as np

from locolab.economy.yuma.epoch import run_epoch
from locolab.economy.yuma.metagraph import Metagraph
from locolab.economy.yuma.settings import YumaSettings


def random_metagraph(
    uids: int, validators: int, seed: int = 0, settings: YumaSettings | None = None, epochs: int = 1
) -> Metagraph:
    """Return a metagraph whose first `validators` uids weigh all others, after `epochs` epochs with weights.

    Stakes are up to 1000 TAO, weights uniform; one more epoch is due at its block.

    >>> metagraph = random_metagraph(uids=6, validators=2)
    >>> metagraph.permits.tolist(), int((metagraph.weights > 0).sum())
    ([True, True, False, False, False, False], 8)
    """
    rng = np.random.default_rng(seed)
    stake = [*rng.integers(1, 10**12, validators).tolist(), *[0] * (uids - validators)]
    metagraph = Metagraph(stake, settings or YumaSettings())
    run_epoch(metagraph)  # hands out the permits
    for number in range(epochs + 1):
        if number:
            run_epoch(metagraph)
        metagraph.advance(metagraph.settings.tempo)
        for uid in range(validators):
            row = rng.random(uids - validators)
            metagraph.set_weights(uid, dict(enumerate(row.tolist(), validators)))
        metagraph.advance()
    return metagraph
