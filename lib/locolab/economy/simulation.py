"""Many subnets over days: emission, injection, stakers' flows and prices. A model, not a forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from locolab.economy.blockstep import BlockStep
from locolab.economy.curve import FEE_SHARE
from locolab.economy.issuance import BLOCKS_PER_DAY
from locolab.economy.rules import Rules, rules_at
from locolab.economy.subnets import Array, Subnets, finite
from locolab.economy.units import MAX_SUPPLY

Flows = ArrayLike | Callable[[Subnets, int], ArrayLike]

_RECORDED = {
    "tao_pool": "tao",
    "alpha_pool": "alpha",
    "alpha_outside": "outside",
    "price_ema": "price_ema",
    "flow_ema": "flow_ema",
    "share": "share",
    "staked_tao": "staked",
    "injected_tao": "injected",
    "bought_tao": "bought",
    "root_alpha": "root_alpha",
    "root_tao": "root_tao",
}  # field of History: attribute of BlockStep


@dataclass(frozen=True)
class History:
    """What `simulate` recorded: arrays of shape (records, n); `blocks` and `issuance_tao` of (records,).

    tao_pool, alpha_pool, alpha_outside, price_ema, flow_ema as in Subnets. share: of the TAO emission.
    Totals since the start: staked_tao net TAO that stakers moved into the pool; injected_tao put in by the
    chain beside alpha; bought_tao spent by the chain on alpha that it removed; root_alpha kept for root
    stakers; root_tao paid to them where their part is sold. end: the state to go on from.
    """

    blocks: NDArray[np.int64]
    issuance_tao: Array
    tao_pool: Array
    alpha_pool: Array
    alpha_outside: Array
    price_ema: Array
    flow_ema: Array
    share: Array
    staked_tao: Array
    injected_tao: Array
    bought_tao: Array
    root_alpha: Array
    root_tao: Array
    end: Subnets

    @property
    def price(self) -> Array:
        """Return the spot prices, TAO per alpha."""
        return self.tao_pool / self.alpha_pool

    @property
    def days(self) -> Array:
        """Return the time of each record in days since the start."""
        return self.blocks / BLOCKS_PER_DAY


def simulate(
    start: Subnets,
    blocks: int,
    flows: Flows = 0.0,
    rules: Rules | None = None,
    *,
    period_blocks: int = BLOCKS_PER_DAY,
    record_blocks: int = BLOCKS_PER_DAY,
    issuance_tao: float = 10_880_000.0,
    weighted_root_tao: float = 0.0,
) -> History:
    """Return what becomes of `start` in `blocks` blocks under `rules` (default: those of 2026-03-29).

    flows: TAO that stakers pay into each pool in a period of `period_blocks`, spread evenly over it;
    negative: TAO taken out by selling alpha, at most what all alpha outside the pool yields. An array of
    shape (n,), the same in every period, or (periods, n); or a function of the current Subnets and the
    number of the period that returns shape (n,), which closes the loop from prices to stakers.
    issuance_tao: all TAO issued at the start. weighted_root_tao: TAO staked on root times its weight.
    Pools of every release up to v3.3.13-393 trade as constant products; since v3.1.6 buyers pay FEE_SHARE.
    Raises ValueError for values that are not finite, empty pools, or rules that are not simulated.

    >>> even = Subnets(tao_pool=[100_000, 100_000], alpha_pool=100_000, flow_ema=[0.01, 0.03])
    >>> history = simulate(even, blocks=7200)
    >>> history.injected_tao[-1].round(6).tolist()       # 3600 TAO a day, a quarter and three quarters
    [900.0, 2700.0]
    >>> history.price[-1].round(6).tolist()              # beside as much alpha: the price stays
    [1.0, 1.0]
    """
    rules = _simulated(rules or rules_at("2026-03-29"))
    _positive(blocks=blocks, period_blocks=period_blocks, record_blocks=record_blocks)
    issued = float(finite("issuance_tao", issuance_tao))
    if issued > MAX_SUPPLY:
        raise ValueError(f"issuance_tao = {issued} is above the {MAX_SUPPLY} TAO that will ever exist")
    step = BlockStep(start, rules, issued, float(finite("weighted_root_tao", weighted_root_tao)))
    records = [_record(step)]
    for period, first in enumerate(range(0, blocks, period_blocks)):
        flow = _flow(flows, step, period) / period_blocks
        flow = np.where(flow > 0, flow * (1 - FEE_SHARE * (rules.pool == "v3")), flow)
        for _ in range(min(period_blocks, blocks - first)):
            step.emit()
            step.trade(flow)
            if step.block % record_blocks == 0 or step.block == blocks:
                records.append(_record(step))
    columns = {name: np.array([record[name] for record in records]) for name in records[0]}
    return History(**columns, end=_state(step))


def _simulated(rules: Rules) -> Rules:
    if rules.pool == "balancer" or rules.shares not in ("price", "flow") or rules.cap == "root-proportion":
        raise ValueError(
            f"{rules} is not simulated: pool {rules.pool!r}, shares {rules.shares!r}, cap {rules.cap!r}; "
            "take rules_at a date up to 2026-03-29 outside 2026-02-20..2026-03-10"
        )
    return rules


def _positive(**counts: int) -> None:
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{name} should be a whole number of blocks, at least 1, got {count!r}")


def _flow(flows: Flows, step: BlockStep, period: int) -> Array:
    """Return the TAO that stakers move into each pool in this period."""
    given = finite("flows", flows(_state(step), period) if callable(flows) else flows, None)
    if given.ndim == 2:
        if period >= len(given):
            raise ValueError(f"flows has {len(given)} periods, period {period} is missing")
        given = given[period]
    try:
        return np.broadcast_to(given, step.tao.shape)
    except ValueError:
        raise ValueError(f"flows has shape {given.shape} for {len(step.tao)} subnets") from None


def _state(step: BlockStep) -> Subnets:
    return Subnets(step.tao, step.alpha, step.outside, step.price_ema, step.flow_ema, step.age)


def _record(step: BlockStep) -> dict[str, np.ndarray]:
    values = {field: getattr(step, attribute).copy() for field, attribute in _RECORDED.items()}
    return {"blocks": np.int64(step.block), "issuance_tao": np.float64(step.issuance_tao), **values}
