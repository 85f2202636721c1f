"""What a trade with a pool gives back, and what can stop it."""

from __future__ import annotations

import dataclasses
from typing import Literal

Side = Literal["buy", "sell"]


class PoolError(ValueError):
    """The pool refuses a trade; its subclasses bear the names of the chain's own errors."""


class PriceLimitExceeded(PoolError):  # noqa: N818 - the chain's name
    """The price has reached the order's limit already."""


class ReservesTooLow(PoolError):  # noqa: N818 - the chain's name
    """The pool holds less than its minimum, or pays out nothing for the amount."""


class InsufficientLiquidity(PoolError):  # noqa: N818 - the chain's name
    """The pool would have to pay out more than it holds."""


class SlippageTooHigh(PoolError):  # noqa: N818 - the chain's name
    """The order would pass its limit and was not to be filled in part."""


class NotEnoughStake(PoolError):  # noqa: N818 - reads as a statement where it is caught
    """More alpha is sold than there is outside the pool."""


@dataclasses.dataclass(frozen=True)
class Receipt:
    """One trade, in smallest units of what was paid and of what was received.

    A `buy` pays TAO and receives alpha, a `sell` pays alpha and receives TAO. `paid` includes `fee`, which is
    in the token paid and does not enter the pool. Prices are TAO per alpha token.

    >>> Receipt("buy", paid=100, fee=0, received=50, spot_before=1.0, spot_after=4.0).slippage
    1.0
    """

    side: Side
    paid: int
    fee: int
    received: int
    spot_before: float
    spot_after: float

    @property
    def average_price(self) -> float:
        """Return TAO per alpha over the whole trade, the fee counted; NaN if nothing was traded."""
        tao, alpha = (self.paid, self.received) if self.side == "buy" else (self.received, self.paid)
        return tao / alpha if alpha else float("nan")

    @property
    def slippage(self) -> float:
        """Return by which fraction of the spot price the average price was worse for the trader."""
        worse = self.average_price / self.spot_before - 1
        return worse if self.side == "buy" else -worse
