"""The chain's state in exact rao: its subnets, what was issued, and the settings that emission reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from locolab.economy.constant_product import Reserves
from locolab.economy.fixed import U64F64, U96F32
from locolab.economy.full_range import FullRangePool
from locolab.economy.payout import Pending
from locolab.economy.shares import alpha_price
from locolab.economy.split import MAINNET_TAO_WEIGHT_U64, OWNER_CUT_U16
from locolab.economy.trade import PoolError, Side
from locolab.economy.units import amount


@dataclasses.dataclass(frozen=True)
class Subnet:
    """A subnet as the chain stores it.

    pool: its reserves with the alpha outside; plain Reserves until somebody trades, then a FullRangePool.
    price_ema: raw U96F32. flow_rao: TAO that stakers paid in less what they took out since the last block;
    flow_ema: its average, raw I64F64. started_block: its first block with emission; None: not started, so
    that it gets none. registration_open: without it a subnet gets none either. pending: alpha for the epoch.
    """

    pool: Reserves
    price_ema: int = 0
    flow_rao: int = 0
    flow_ema: int = 0
    started_block: int | None = 1
    registration_open: bool = True
    pending: Pending = dataclasses.field(default_factory=Pending)

    @property
    def outside_rao(self) -> int:
        """Return the alpha outside the pool."""
        return self.pool.outside_rao or 0

    @property
    def alpha_issuance_rao(self) -> int:
        """Return the alpha in the pool and outside it."""
        return self.pool.alpha_rao + self.outside_rao

    @property
    def price(self) -> int:
        """Return the price of alpha in TAO, raw U96F32."""
        if isinstance(self.pool, FullRangePool):
            return U96F32.convert(U64F64.multiply(self.pool.root, self.pool.root), U64F64)
        return alpha_price(self.pool.tao_rao, self.pool.alpha_rao)

    def stake(self, tao_rao: int) -> Subnet:
        """Return the subnet after a staker paid `tao_rao`; what enters the pool, so without fee, is inflow.

        >>> subnet = Subnet(FullRangePool.open(10**12, 10**12))
        >>> subnet.stake(10**9).flow_rao                # 33/65535 of it is the fee
        999496453
        """
        pool, receipt = opened(self.pool).buy(tao_rao)
        return self.replace(pool=pool, flow_rao=self.flow_rao + receipt.paid - receipt.fee)

    def unstake(self, alpha_rao: int) -> Subnet:
        """Return the subnet after a staker sold `alpha_rao`.

        The fee is in alpha; the block's author sells it at once without a fee. Both sales are outflow.
        """
        sold, receipt = opened(self.pool).sell(alpha_rao)
        pool, author_rao = traded_free(sold, "sell", receipt.fee)
        return self.replace(pool=pool, flow_rao=self.flow_rao - receipt.received - author_rao)

    def replace(self, **changes: Any) -> Subnet:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


@dataclasses.dataclass(frozen=True)
class Chain:
    """All subnets by number, and what their emission depends on.

    issuance_rao: TAO issued so far; root_tao_rao: TAO staked on root; tao_weight_u64: its weight, 2**-64ths;
    owner_cut_u16: the owners' part, 65535ths; block: the last block's number.
    """

    subnets: Mapping[int, Subnet]
    issuance_rao: int = 0
    root_tao_rao: int = 0
    tao_weight_u64: int = MAINNET_TAO_WEIGHT_U64
    owner_cut_u16: int = OWNER_CUT_U16
    block: int = 0

    def __post_init__(self) -> None:
        for name in ("issuance_rao", "root_tao_rao", "tao_weight_u64", "block"):
            amount(getattr(self, name), name)

    @property
    def staked_rao(self) -> int:
        """Return all TAO in pools and on root."""
        return self.root_tao_rao + sum(subnet.pool.tao_rao for subnet in self.subnets.values())


def opened(pool: Reserves) -> FullRangePool:
    """Return `pool` as one that trades: plain reserves are set up as a full-range pool at their price."""
    if isinstance(pool, FullRangePool):
        return pool
    return FullRangePool.open(pool.tao_rao, pool.alpha_rao, pool.outside_rao)


def traded_free(pool: Reserves, side: Side, rao: int) -> tuple[Reserves, int]:
    """Return the pool after a trade without fee, and what was paid out; unchanged and 0 if it refuses."""
    before = opened(pool)
    free = dataclasses.replace(before, fee_rate=0)
    try:
        after, receipt = free.buy(rao) if side == "buy" else free.sell(rao)
    except PoolError:
        return pool, 0
    return dataclasses.replace(after, fee_rate=before.fee_rate), receipt.received
