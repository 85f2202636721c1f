"""The subnet economy: pools, emission, Yuma consensus and valuation, as the chain's rules compute them."""

from locolab.economy.capitalisation import (
    MarketCaps,
    liquidation_tao,
    market_caps,
    withdrawable_share,
    withdrawable_share_after,
)
from locolab.economy.constant_product import ConstantProductPool
from locolab.economy.curve import FEE_SHARE, Trades, inflow_share_for, price_multiple
from locolab.economy.full_range import FullRangePool
from locolab.economy.moves import max_move, move
from locolab.economy.trade import (
    InsufficientLiquidity,
    NotEnoughStake,
    PoolError,
    PriceLimitExceeded,
    Receipt,
    ReservesTooLow,
    SlippageTooHigh,
)
from locolab.economy.units import MAX_SUPPLY, RAO, to_rao, to_tokens

__all__ = [
    "FEE_SHARE",
    "MAX_SUPPLY",
    "RAO",
    "ConstantProductPool",
    "FullRangePool",
    "InsufficientLiquidity",
    "MarketCaps",
    "NotEnoughStake",
    "PoolError",
    "PriceLimitExceeded",
    "Receipt",
    "ReservesTooLow",
    "SlippageTooHigh",
    "Trades",
    "inflow_share_for",
    "liquidation_tao",
    "market_caps",
    "max_move",
    "move",
    "price_multiple",
    "to_rao",
    "to_tokens",
    "withdrawable_share",
    "withdrawable_share_after",
]
