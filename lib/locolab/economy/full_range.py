"""The pool of the article's date: one Uniswap-v3 position over the full range, and a fee on what is paid in.

Rules of subtensor v3.1.6 to v3.4.7 except February and early March 2026, read at v3.3.13-393
(pallets/swap/src/pallet/{impls,swap_step}.rs). Users cannot add liquidity there, so no tick is crossed and
the pool trades as a constant product. Limits hold for the price at the end of the order, not for its average.
"""

from __future__ import annotations

import dataclasses
from math import isqrt
from typing import Self

from locolab.economy.constant_product import Reserves
from locolab.economy.fixed import U64_MAX, U64F64
from locolab.economy.sqrt_price import (
    LIMIT_TOLERANCE,
    MAX_POOL_TICK,
    ROOT_TOLERANCE,
    bisected_sqrt,
    sqrt_price_at_tick,
)
from locolab.economy.swap_step import (
    FEE_RATE,
    MAX_FEE_RATE,
    fee_of,
    fee_on_top,
    paid_in_to,
    paid_out,
    position_amounts,
    root_after,
)
from locolab.economy.trade import PriceLimitExceeded, Receipt, ReservesTooLow, Side, SlippageTooHigh
from locolab.economy.units import RAO, amount

MINIMUM_RESERVE = 10**6  # smallest units that the side which pays out must hold


@dataclasses.dataclass(frozen=True)
class FullRangePool(Reserves):
    """A pool with its square-root price (raw U64F64) and liquidity, as `open` sets them up.

    fee_rate: 65535ths of what is paid in; the fee does not enter the pool. scrap_tao_rao, scrap_alpha_rao:
    what earlier injections could not add at the pool's price.

    >>> pool = FullRangePool.open(tao_rao=100 * RAO, alpha_rao=100 * RAO, fee_rate=0)
    >>> after, receipt = pool.buy(100 * RAO)
    >>> receipt.received / RAO, round(receipt.spot_after, 6)
    (50.0, 4.0)
    >>> FullRangePool.open(100 * RAO, 100 * RAO).buy(100 * RAO)[1].fee / RAO
    0.050354772
    """

    root: int = dataclasses.field(kw_only=True)
    liquidity: int = dataclasses.field(kw_only=True)
    fee_rate: int = FEE_RATE
    minimum_rao: int = MINIMUM_RESERVE
    scrap_tao_rao: int = 0
    scrap_alpha_rao: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.fee_rate <= MAX_FEE_RATE:
            raise ValueError(f"fee_rate = {self.fee_rate}: give 65535ths, 0 to {MAX_FEE_RATE}")

    @classmethod
    def open(
        cls,
        tao_rao: int,
        alpha_rao: int,
        outside_rao: int | None = None,
        fee_rate: int = FEE_RATE,
        minimum_rao: int = MINIMUM_RESERVE,
    ) -> Self:
        """Return the pool over these reserves: root sqrt(TAO/alpha), liquidity isqrt(TAO * alpha)."""
        price = U64F64.safe_divide(
            U64F64.of(amount(tao_rao, "tao_rao")), U64F64.of(amount(alpha_rao, "alpha_rao"))
        )
        return cls(
            tao_rao,
            alpha_rao,
            outside_rao,
            root=bisected_sqrt(price, ROOT_TOLERANCE),
            liquidity=isqrt(tao_rao * alpha_rao),
            fee_rate=fee_rate,
            minimum_rao=minimum_rao,
        )

    @property
    def price_raw(self) -> int:
        """Return the spot price as raw U64F64: the square of the root."""
        return U64F64.multiply(self.root, self.root)

    def buy(
        self, tao_rao: int, limit_rao: int | None = None, partial: bool = True, free: bool = False
    ) -> tuple[Self, Receipt]:
        """Return the pool after `tao_rao` bought alpha, and the receipt.

        `limit_rao`: the order stops where the price reaches it (rao of TAO per alpha token), and what is
        left is not taken; with `partial` False it raises SlippageTooHigh instead. `free`: without fee.
        PriceLimitExceeded: the price is at the limit already. ReservesTooLow: the pool holds less than its
        minimum, or would pay out nothing.
        """
        return self._order("buy", amount(tao_rao, "tao_rao"), limit_rao, partial, free)

    def sell(
        self, alpha_rao: int, limit_rao: int | None = None, partial: bool = True, free: bool = False
    ) -> tuple[Self, Receipt]:
        """Return the pool after `alpha_rao` were sold for TAO, and the receipt; as `buy`, downwards."""
        return self._order("sell", amount(alpha_rao, "alpha_rao"), limit_rao, partial, free)

    def max_buy(self, limit_rao: int) -> int:
        """Return the most rao of TAO, fee included, that an order with this limit takes; errors as `buy`."""
        return self._swap("buy", U64_MAX, limit_rao)[0].paid

    def max_sell(self, limit_rao: int) -> int:
        """Return the most rao of alpha, fee included, that an order with this limit takes; as `sell`."""
        return self._swap("sell", U64_MAX, limit_rao)[0].paid

    def inject(self, tao_rao: int, alpha_rao: int) -> Self:
        """Return the pool after the chain added TAO and alpha, which leaves the price as it is.

        Both reserves grow by the whole amounts. The liquidity grows by what fits the price; the rest waits
        for the next injection.
        """
        tao = amount(tao_rao, "tao_rao") + self.scrap_tao_rao
        alpha = amount(alpha_rao, "alpha_rao") + self.scrap_alpha_rao
        price = self.price_raw
        tao_fits = min(tao, U64F64.floor(U64F64.multiply(U64F64.of(alpha), price)))
        alpha_fits = (
            alpha if tao_fits < tao else min(alpha, U64F64.floor(U64F64.safe_divide(U64F64.of(tao), price)))
        )
        low, high = sqrt_price_at_tick(-MAX_POOL_TICK), sqrt_price_at_tick(MAX_POOL_TICK)
        held_tao, held_alpha = position_amounts(self.liquidity, self.root, low, high)
        grown = isqrt((held_tao + tao_fits) * (held_alpha + alpha_fits))
        return dataclasses.replace(
            self,
            tao_rao=self.tao_rao + tao_rao,
            alpha_rao=self.alpha_rao + alpha_rao,
            liquidity=max(self.liquidity, grown),
            scrap_tao_rao=tao - tao_fits,
            scrap_alpha_rao=alpha - alpha_fits,
        )

    def _order(
        self, side: Side, paid: int, limit: int | None, partial: bool, free: bool
    ) -> tuple[Self, Receipt]:
        charging = dataclasses.replace(self, fee_rate=0) if free else self
        receipt, root, paid_in = charging._swap(side, paid, limit)
        if not partial and receipt.paid < paid:
            raise SlippageTooHigh(f"{paid} paid in, {receipt.paid} fit the limit {limit}")
        after = dataclasses.replace(self.moved(side, paid_in, receipt.received), root=root)
        return after, receipt

    def _swap(self, side: Side, paid: int, limit: int | None) -> tuple[Receipt, int, int]:
        """Return the receipt, the root after it and what entered, whether or not the pool can pay."""
        if (self.alpha_rao if side == "buy" else self.tao_rao) < self.minimum_rao:
            raise ReservesTooLow(f"the side that pays out holds less than {self.minimum_rao}: {self}")
        stop = self._stop(side, limit)
        if not self.liquidity:
            raise ReservesTooLow(f"a pool with an empty side trades nothing: {self}")
        fee = fee_of(paid, self.fee_rate)
        paid_in, root = paid - fee, root_after(side, self.liquidity, self.root, paid - fee)
        if (root > stop) if side == "buy" else (root < stop):
            paid_in, root = paid_in_to(side, self.liquidity, self.root, stop), stop
            fee = fee_on_top(paid_in, self.fee_rate)
        received = paid_out(side, self.liquidity, self.root, paid_in)
        if paid_in and not received:
            raise ReservesTooLow(f"{paid_in} paid in takes nothing out of {self}")
        after = U64F64.to_float(U64F64.multiply(root, root))
        return Receipt(side, min(paid_in + fee, U64_MAX), fee, received, self.price, after), root, paid_in

    def _stop(self, side: Side, limit: int | None) -> int:
        """Return the root at which an order ends: its limit or the last tick, whichever comes first."""
        edge = sqrt_price_at_tick(MAX_POOL_TICK if side == "buy" else -MAX_POOL_TICK)
        if limit is None:
            return edge
        price = U64F64.safe_divide(U64F64.of(amount(limit, "limit_rao")), U64F64.of(RAO))
        root = bisected_sqrt(price, LIMIT_TOLERANCE)
        if (root <= self.root) if side == "buy" else (root >= self.root):
            raise PriceLimitExceeded(f"the price {self.price:.9g} has reached the limit {limit / RAO:.9g}")
        return min(root, edge) if side == "buy" else max(root, edge)
