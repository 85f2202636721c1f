"""Speed of the economy: many subnets over a month of blocks, and one epoch of a full subnet's consensus."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from locolab.economy import Subnets, simulate
from locolab.economy.issuance import BLOCKS_PER_DAY
from locolab.economy.yuma import YumaSettings, epoch, random_metagraph
from locolab.run.bench.timing import Result, interleaved

Case = Callable[[], object]


def measure(
    subnets: int = 256,
    blocks: int = 30 * BLOCKS_PER_DAY,
    uids: int = 256,
    validators: int = 64,
    repeats: int = 2,
    epoch_repeats: int = 9,
) -> Result:
    """Return the time of `simulate` with its flows as an array and as a function, and of a consensus epoch.

    The numbers are drawn: neither speed depends on which.
    """
    simulations = interleaved(_simulations(subnets, blocks), repeats)
    epochs = interleaved(_epochs(uids, validators), epoch_repeats)
    rows: list[dict[str, Any]] = [
        {
            "case": label,
            "size": f"{subnets} subnets x {blocks} blocks",
            "time_ms": 1e3 * timing.median,
            "spread": timing.spread,
            "us_per_block": 1e6 * timing.median / blocks,
        }
        for label, timing in simulations.items()
    ]
    rows += [
        {
            "case": label,
            "size": f"{uids} uids x {validators} validators",
            "time_ms": 1e3 * timing.median,
            "spread": timing.spread,
        }
        for label, timing in epochs.items()
    ]
    return Result(rows, {"threads": 1, "us_per_block": "of all subnets together"})


def _simulations(subnets: int, blocks: int) -> dict[str, Case]:
    """Return a month without stakers' choice, and one in which they follow the price every day."""
    draw = np.random.default_rng(0)
    start = Subnets(
        tao_pool=draw.uniform(1e3, 2e5, subnets),
        alpha_pool=draw.uniform(1e6, 4e6, subnets),
        alpha_outside=draw.uniform(1e6, 3e6, subnets),
        flow_ema=draw.normal(0.05, 0.1, subnets),
        age_blocks=1e6,
    )
    flows = draw.normal(0, 100, subnets)

    def follow(now: Subnets, _period: int) -> np.ndarray:
        return 0.001 * now.tao_pool * (now.price / now.price_ema - 1).clip(-1, 1)

    return {
        "simulate, flows given": lambda: simulate(start, blocks, flows, weighted_root_tao=1e6),
        "simulate, stakers choose": lambda: simulate(start, blocks, follow, weighted_root_tao=1e6),
    }


def _epochs(uids: int, validators: int) -> dict[str, Case]:
    kinds = {"Yuma 2": YumaSettings(), "Yuma 3": YumaSettings(yuma3=True, liquid_alpha=True)}
    return {
        f"epoch, {label}": partial(epoch, random_metagraph(uids, validators, settings=settings))
        for label, settings in kinds.items()
    }
