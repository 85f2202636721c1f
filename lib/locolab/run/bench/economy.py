"""Speed of the economy: many subnets over a month of blocks, and one epoch of a full subnet's consensus."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
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
    repeats: int = 1,
    epoch_repeats: int = 9,
) -> Result:
    """Return the time of `simulate` with its flows as an array and as a function, and of a consensus epoch.

    The numbers are drawn: neither speed depends on which.
    """
    rows = [
        row | {"us_per_block": 1e3 * row["cpu_ms"] / blocks}
        for row in _timed(_simulations(subnets, blocks), repeats, f"{subnets} subnets x {blocks} blocks")
    ]
    rows += _timed(_epochs(uids, validators), epoch_repeats, f"{uids} uids x {validators} validators")
    facts = {
        "threads": 1,
        "cpu_ms": "time on the processor, which a busy machine lengthens less",
        "us_per_block": "on the processor, of all subnets together",
    }
    return Result(rows, facts)


def _timed(cases: Mapping[str, Case], repeats: int, size: str) -> list[dict[str, Any]]:
    """Return a row for every case: medians of the time that passed and of the time on the processor."""
    spent: dict[str, list[float]] = {label: [] for label in cases}

    def counted(label: str) -> None:
        start = time.process_time()
        cases[label]()
        spent[label].append(time.process_time() - start)

    timings = interleaved({label: partial(counted, label) for label in cases}, repeats)
    return [
        {
            "case": label,
            "size": size,
            "time_ms": 1e3 * timing.median,
            "spread": timing.spread,
            "cpu_ms": 1e3 * statistics.median(spent[label]),
        }
        for label, timing in timings.items()
    ]


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
