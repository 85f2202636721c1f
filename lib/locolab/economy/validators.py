"""How validators of different habits weigh a subnet's miners: plans for `yuma.run_epochs`.

What a validator is for is looking: an honest one measures each miner, with an error. A lazy one weighs all
miners alike. A copying one repeats what the last epoch agreed on. A colluding one backs a favourite only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from locolab.economy.subnets import Array, finite
from locolab.economy.units import RAO
from locolab.economy.yuma import EpochResult, Metagraph, YumaSettings, run_epochs
from locolab.economy.yuma.history import Weights

Habit = Literal["honest", "lazy", "copying", "colluding"]


def drifting_quality(epochs: int, miners: int, seed: int, drift: float = 0.1) -> Array:
    """Return each miner's true quality in each epoch, shape (epochs, miners), positive.

    Its logarithm is a random walk with steps of standard deviation `drift`, from a standard normal start.
    """
    if epochs < 1 or miners < 1 or not drift >= 0:
        raise ValueError(f"give epochs and miners from 1 and a drift from 0; got {epochs}, {miners}, {drift}")
    draw = np.random.default_rng(seed)
    steps = draw.normal(0.0, drift, (epochs, miners))
    steps[0] = draw.normal(0.0, 1.0, miners)
    return np.exp(np.cumsum(steps, axis=0))


def judged(
    stakes_tao: Mapping[str, float],
    habits: Mapping[str, Habit],
    quality: ArrayLike,
    seed: int,
    error: float = 0.2,
    favourite: int = 0,
    settings: YumaSettings | None = None,
) -> pd.DataFrame:
    """Return `run_epochs`' table for validators of these habits on miners of this quality.

    stakes_tao, habits: by validator, whose uids come first. quality: (epochs, miners). error: standard
    deviation of the logarithm of an honest measurement. favourite: the index of the miner that colluders
    back; honest validators know it as any other. Added columns: habit ("miner" for miners) and per_stake, a
    validator's share of dividends over its share of stake. Raises ValueError for an unknown habit, unequal
    names, or a favourite that is no miner.

    >>> table = judged({"a": 60, "b": 40}, {"a": "honest", "b": "lazy"}, [[1.0, 3.0]] * 3, seed=0, error=0)
    >>> table[table.epoch == 2][["name", "incentive", "dividends"]].round(2).to_numpy().tolist()
    [['a', 0.0, 0.67], ['b', 0.0, 0.33], ['miner 0', 0.28, 0.0], ['miner 1', 0.72, 0.0]]
    """
    measured = np.atleast_2d(finite("quality", quality))
    _checked(stakes_tao, habits, measured.shape[1], favourite)
    names = [*stakes_tao, *(f"miner {m}" for m in range(measured.shape[1]))]
    stakes = [round(stake * RAO) for stake in stakes_tao.values()] + [0] * measured.shape[1]
    metagraph = Metagraph(stakes, settings or YumaSettings(), names=names)
    draw, first = np.random.default_rng(seed), len(stakes_tao)

    def plan(number: int, last: EpochResult) -> Weights:
        agreed = last.fraction("consensus")[first:]
        seen = {
            "lazy": np.ones(len(agreed)),
            "copying": agreed if agreed.any() else np.ones(len(agreed)),
            "colluding": np.eye(len(agreed))[favourite],
        }
        rows = {}
        for uid, habit in enumerate(habits[name] for name in stakes_tao):
            honest = measured[number] * np.exp(draw.normal(0.0, error, len(agreed)))
            rows[uid] = dict(enumerate(seen.get(habit, honest).tolist(), first))
        return rows

    table = run_epochs(metagraph, plan, len(measured))
    table.insert(3, "habit", [habits.get(name, "miner") for name in table["name"]])
    table["per_stake"] = table["dividends"] / table["stake"].where(table["stake"] > 0)
    return table


def favourites_share(
    coalition: float, stake_tao: float = 1e6, settings: YumaSettings | None = None
) -> tuple[float, float]:
    """Return the coalition's miner's share of the incentive, and the coalition's share of the dividends.

    One colluding validator with the part `coalition` of all stake backs miner 0 alone, one honest validator
    with the rest backs miner 1 alone; three epochs, so that bonds exist.

    >>> [favourites_share(part)[0] for part in (0.4, 0.6)]
    [0.0, 1.0]
    """
    if not 0 < coalition < 1:
        raise ValueError(f"coalition = {coalition}: give a part of the stake between 0 and 1")
    stakes = {"coalition": coalition * stake_tao, "others": (1 - coalition) * stake_tao}
    habits: dict[str, Habit] = {"coalition": "colluding", "others": "honest"}
    table = judged(stakes, habits, [[0.0, 1.0]] * 3, seed=0, error=0.0, settings=settings)
    last = table[table["epoch"] == 2].set_index("name")
    return float(last["incentive"]["miner 0"]), float(last["dividends"]["coalition"])


def deciding_validators(stakes: Sequence[float] | Array, majority: float = 32_767 / 65_535) -> int:
    """Return how many of the largest validators together hold `majority` of the stake (default: the chain's).

    >>> deciding_validators([1, 1, 1, 1]), deciding_validators([5, 1, 1, 1])
    (2, 1)
    """
    held = np.sort(finite("stakes", stakes))[::-1]
    if not held.sum() > 0 or not 0 < majority <= 1:
        raise ValueError(f"give stakes with a positive sum and a majority in (0, 1]; got {majority}")
    return int(np.searchsorted(np.cumsum(held) / held.sum(), majority) + 1)


def _checked(stakes: Mapping[str, float], habits: Mapping[str, Habit], miners: int, favourite: int) -> None:
    unknown = sorted({*habits.values()} - {*get_args(Habit)})
    if unknown or set(stakes) != set(habits):
        raise ValueError(
            f"each validator needs a habit, one of {', '.join(get_args(Habit))}; got {dict(habits)} for "
            f"{', '.join(stakes)}"
        )
    if not 0 <= favourite < miners:
        raise ValueError(f"favourite = {favourite}: there are the miners 0 to {miners - 1}")
