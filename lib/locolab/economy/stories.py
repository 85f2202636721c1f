"""A made-up network of subnets that live through one story each, with and without stakers who chase returns.

All subnets start alike and share one TAO emission. Subnets of the same seed see the same noise, so that they
differ by story and by chasing only. A model, not a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from locolab.economy.issuance import BLOCKS_PER_DAY
from locolab.economy.simulation import simulate
from locolab.economy.stakers import ReturnChasers, outside_flows
from locolab.economy.subnets import Subnets

START = Subnets(
    tao_pool=20_000.0, alpha_pool=1e6, alpha_outside=1.5e6, flow_ema=0.02, age_blocks=2 * 365 * BLOCKS_PER_DAY
)
"""Every subnet at the start: round numbers of no subnet in particular; 0.02 TAO net inflow a block."""


def tell(
    stories: Mapping[str, ArrayLike],
    chases: Sequence[float],
    seeds: Sequence[int],
    days: int = 30,
    n_subnets: int = 128,
    noise: float = 0.005,
    memory: float = 3.0,
    budget_tao: float = np.inf,
) -> pd.DataFrame:
    """Return one row a day of every subnet with a story: story, chase, seed, day, price and share.

    stories: name -> pushes, as `outside_flows` takes them, with days as periods. price: multiple of day 0, in
    TAO. share: of the TAO emission, as a multiple of an equal share. The remaining of `n_subnets` have noise
    only. memory in days, budget_tao: of `ReturnChasers`. ValueError if there are more stories than subnets.

    >>> table = tell({"in": [(0, 1, 0.1)]}, chases=[0.0, 0.3], seeds=[0], days=2, noise=0.0)
    >>> table.pivot(index="day", columns="chase", values="price").round(2).to_numpy().tolist()
    [[1.0, 1.0], [1.21, 1.21], [1.46, 1.51]]
    """
    told = list(product(stories, chases, seeds))
    if not told or len(told) > n_subnets:
        raise ValueError(
            f"{len(stories)} stories x {len(chases)} chases x {len(seeds)} seeds for {n_subnets} subnets"
        )
    flows, chase = outside_flows(days, n_subnets, seed=2**20, noise=noise), np.zeros(n_subnets)
    for column, (story, chasing, seed) in enumerate(told):
        flows[:, column] = outside_flows(days, 1, seed, noise, stories[story])[:, 0]
        chase[column] = chasing
    start = Subnets(*(np.repeat(getattr(START, name), n_subnets) for name in vars(START)))
    stakers = ReturnChasers(flows, chase, memory, budget_tao)
    history = simulate(start, days * BLOCKS_PER_DAY, stakers)
    columns = ["story", "chase", "seed", "day", "price", "share"]
    rows = []
    for column, run in enumerate(told):
        price = history.price[:, column] / history.price[0, column]
        share = np.append(1.0, history.share[1:, column] * n_subnets)  # all start alike
        rows += [(*run, *at) for at in zip(history.days.round().astype(int), price, share, strict=True)]
    return pd.DataFrame(rows, columns=columns)
