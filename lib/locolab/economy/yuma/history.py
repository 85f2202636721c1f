"""Several epochs in a row, as a table: what a notebook runs on a small subnet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from locolab.economy.yuma.epoch import EpochResult, run_epoch
from locolab.economy.yuma.metagraph import Metagraph

Weights = Mapping[int, Mapping[int, float]]  # validator -> miner -> weight
Plan = Callable[[int, EpochResult], Weights | None]


def run_epochs(
    metagraph: Metagraph,
    weights_by_epoch: Iterable[Weights | None] | Plan,
    epochs: int | None = None,
    emission: int = 10**9,
) -> pd.DataFrame:
    """Return one row an epoch and uid: EpochResult.table() with the epoch (from 0) and the uid's name.

    The weights of each epoch come from a list (None or a validator left out: its old weights stay), or from
    a function of the epoch's number and the last result, for validators that copy; a function needs
    `epochs`, a list is cut there. An epoch without weights runs first, which hands out the permits. `tempo`
    + 1 blocks pass between epochs, and weights are set in the block before each. The metagraph is changed.

    >>> metagraph = Metagraph([60, 40, 0, 0], names=["large", "small", "good", "bad"])
    >>> table = run_epochs(metagraph, [{0: {2: 1}, 1: {3: 1}}] * 3)
    >>> table[table.epoch == 2][["name", "consensus", "incentive", "dividends"]].round(3)
         name  consensus  incentive  dividends
    8   large        0.0        0.0        1.0
    9   small        0.0        0.0        0.0
    10   good        1.0        1.0        0.0
    11    bad        0.0        0.0        0.0
    """
    if callable(weights_by_epoch):
        if epochs is None:
            raise ValueError("a function of the epoch has no end of its own; give epochs")
        plan, steps = weights_by_epoch, range(epochs)
    else:
        given = list(weights_by_epoch)[:epochs]
        plan, steps = (lambda number, last: given[number]), range(len(given))
    last = run_epoch(metagraph, emission)
    tables = []
    for number in steps:
        metagraph.advance(metagraph.settings.tempo)
        for validator, weights in (plan(number, last) or {}).items():
            metagraph.set_weights(validator, weights)
        metagraph.advance()
        last = run_epoch(metagraph, emission)
        tables.append(_table(metagraph, last, number))
    return pd.concat(tables, ignore_index=True) if tables else _table(metagraph, last, 0).iloc[:0]


def _table(metagraph: Metagraph, result: EpochResult, number: int) -> pd.DataFrame:
    table = result.table()
    table.insert(0, "epoch", number)
    table.insert(2, "name", list(metagraph.names or map(str, range(metagraph.n))))
    return table
