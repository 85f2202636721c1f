"""The pool of the first subnet tokens (February to June 2025): the product of its two sides stays the same.

Rules of subtensor v2.0.1, pallets/subtensor/src/staking/{stake_utils,add_stake,remove_stake}.rs: no
proportional fee (a flat staking fee lies outside the pool), limits hold for the average price of the order.
"""

from __future__ import annotations

import dataclasses
from typing import Self

from locolab.economy.fixed import I110F18, U64_MAX, U64F64
from locolab.economy.trade import (
    InsufficientLiquidity,
    NotEnoughStake,
    PriceLimitExceeded,
    Receipt,
    ReservesTooLow,
    Side,
    SlippageTooHigh,
)
from locolab.economy.units import RAO, amount

MINIMUM_POOL = 10**7  # smallest units that must remain on the side that pays out


@dataclasses.dataclass(frozen=True)
class Reserves:
    """Both sides of a subnet's pool and, where it is followed, the alpha outside it, in smallest units.

    `outside_rao` None means: not followed, so any amount may be sold.
    """

    tao_rao: int
    alpha_rao: int
    outside_rao: int | None = None

    def __post_init__(self) -> None:
        amount(self.tao_rao, "tao_rao")
        amount(self.alpha_rao, "alpha_rao")
        if self.outside_rao is not None:
            amount(self.outside_rao, "outside_rao")

    @property
    def price_raw(self) -> int:
        """Return the spot price as raw U64F64, 0 without alpha."""
        return U64F64.safe_divide(U64F64.of(self.tao_rao), U64F64.of(self.alpha_rao))

    @property
    def price(self) -> float:
        """Return the spot price in TAO per alpha token, 0.0 without alpha."""
        return U64F64.to_float(self.price_raw)

    def moved(self, side: Side, paid_in: int, paid_out: int) -> Self:
        """Return the reserves after `paid_in` entered and `paid_out` left on the other side.

        Alpha bought adds to what is outside the pool, alpha sold is taken from it (NotEnoughStake).
        InsufficientLiquidity: the pool does not hold `paid_out`; ValueError: a side leaves 64 bits.
        """
        sign = 1 if side == "buy" else -1
        tao, alpha = (paid_in, paid_out) if side == "buy" else (paid_out, paid_in)
        if paid_out > (self.alpha_rao if side == "buy" else self.tao_rao):
            raise InsufficientLiquidity(f"the {side} takes {paid_out}, more than the pool holds: {self}")
        outside = self.outside_rao
        if outside is not None and outside + sign * alpha < 0:
            raise NotEnoughStake(f"{alpha} alpha-rao are sold, {outside} are outside the pool")
        return dataclasses.replace(
            self,
            tao_rao=self.tao_rao + sign * tao,
            alpha_rao=self.alpha_rao - sign * alpha,
            outside_rao=None if outside is None else outside + sign * alpha,
        )


@dataclasses.dataclass(frozen=True)
class ConstantProductPool(Reserves):
    """A pool whose product of TAO and alpha a trade leaves unchanged.

    >>> pool = ConstantProductPool(tao_rao=100 * RAO, alpha_rao=100 * RAO)
    >>> after, receipt = pool.buy(100 * RAO)
    >>> receipt.received / RAO, receipt.average_price, receipt.spot_after
    (50.0, 2.0, 4.0)
    >>> after.sell(receipt.received)[1].received / RAO
    100.0
    """

    minimum_rao: int = MINIMUM_POOL

    def buy(
        self, tao_rao: int, limit_rao: int | None = None, partial: bool = False
    ) -> tuple[ConstantProductPool, Receipt]:
        """Return the pool after `tao_rao` bought alpha, and the receipt.

        `limit_rao` is the highest average price (rao of TAO per alpha token); an order above it raises
        SlippageTooHigh, or is cut to what fits with `partial`. ReservesTooLow: too little would remain.
        """
        return self._trade("buy", amount(tao_rao, "tao_rao"), limit_rao, partial)

    def sell(
        self, alpha_rao: int, limit_rao: int | None = None, partial: bool = False
    ) -> tuple[ConstantProductPool, Receipt]:
        """Return the pool after `alpha_rao` were sold for TAO, and the receipt; as `buy`, lowest price."""
        return self._trade("sell", amount(alpha_rao, "alpha_rao"), limit_rao, partial)

    def max_buy(self, limit_rao: int) -> int:
        """Return the most rao of TAO that can be spent at an average price of at most `limit_rao`.

        floor(limit * alpha / 10^9) - TAO; 0 without reserves or below the price, saturated at 2^64 - 1.
        """
        limit = amount(limit_rao, "limit_rao")
        if not self.tao_rao or not self.alpha_rao or not limit:
            return 0
        return min(max(limit * self.alpha_rao // RAO - self.tao_rao, 0), U64_MAX)

    def max_sell(self, limit_rao: int) -> int:
        """Return the most rao of alpha that can be sold at an average price of at least `limit_rao`.

        floor(10^9 * TAO / limit) - alpha; 0 without reserves or at a limit that reaches the price in whole
        rao; everything, 2^64 - 1, without a limit (0).
        """
        limit = amount(limit_rao, "limit_rao")
        if not self.tao_rao or not self.alpha_rao:
            return 0
        if not limit:
            return U64_MAX
        if limit >= self.tao_rao * RAO // self.alpha_rao:
            return 0
        return min(self.tao_rao * RAO // limit - self.alpha_rao, U64_MAX)

    def _trade(
        self, side: Side, paid: int, limit: int | None, partial: bool
    ) -> tuple[ConstantProductPool, Receipt]:
        if limit is not None:
            most = self.max_buy(limit) if side == "buy" else self.max_sell(limit)
            if not most:
                raise PriceLimitExceeded(
                    f"the price {self.price:.9g} has reached the limit {limit / RAO:.9g}"
                )
            if paid > most and not partial:
                raise SlippageTooHigh(f"{paid} paid in, {most} fit the limit {limit / RAO:.9g}")
            paid = min(paid, most)
        received = self._paid_out(side, paid)
        after = self.moved(side, paid, received)
        return after, Receipt(side, paid, 0, received, self.price, after.price)

    def _paid_out(self, side: Side, paid: int) -> int:
        into, out = (self.tao_rao, self.alpha_rao) if side == "buy" else (self.alpha_rao, self.tao_rao)
        if not into or not out:
            raise ReservesTooLow(f"a pool with an empty side trades nothing: {self}")
        remaining = I110F18.divide(I110F18.of(into * out), I110F18.of(into + paid))
        received = I110F18.floor(I110F18.subtract(I110F18.of(out), remaining))
        if out - received < self.minimum_rao:
            raise ReservesTooLow(f"{out - received} would remain in the pool, below {self.minimum_rao}")
        return received
