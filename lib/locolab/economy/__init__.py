"""The subnet economy: pools, emission, Yuma consensus and valuation, as the chain's rules compute them."""

from locolab.economy.capitalisation import (
    MarketCaps,
    liquidation_tao,
    market_caps,
    withdrawable_share,
    withdrawable_share_after,
)
from locolab.economy.chain import Chain, Subnet
from locolab.economy.coinbase import blocks_until_epoch, run_block
from locolab.economy.constant_product import ConstantProductPool
from locolab.economy.curve import FEE_SHARE, Trades, inflow_share_for, price_multiple
from locolab.economy.dividends import Hotkey
from locolab.economy.full_range import FullRangePool
from locolab.economy.issuance import (
    BLOCKS_PER_DAY,
    block_emission,
    blocks_to_next_halving,
    halving_threshold,
    halvings,
    issuance_after,
)
from locolab.economy.moves import max_move, move
from locolab.economy.payout import Payout, Pending, pay_out
from locolab.economy.rules import RELEASES, Rules, rules_at
from locolab.economy.schedule import (
    EmissionValue,
    alpha_emission_value,
    alpha_issuance,
    halving_day,
    tao_emission_value,
    tao_issuance,
    tao_per_day,
)
from locolab.economy.shares import flow_shares_of
from locolab.economy.simulation import History, simulate
from locolab.economy.split import Split, split_alpha
from locolab.economy.subnets import Subnets
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
    "BLOCKS_PER_DAY",
    "FEE_SHARE",
    "MAX_SUPPLY",
    "RAO",
    "RELEASES",
    "Chain",
    "ConstantProductPool",
    "EmissionValue",
    "FullRangePool",
    "History",
    "Hotkey",
    "InsufficientLiquidity",
    "MarketCaps",
    "NotEnoughStake",
    "Payout",
    "Pending",
    "PoolError",
    "PriceLimitExceeded",
    "Receipt",
    "ReservesTooLow",
    "Rules",
    "SlippageTooHigh",
    "Split",
    "Subnet",
    "Subnets",
    "Trades",
    "alpha_emission_value",
    "alpha_issuance",
    "block_emission",
    "blocks_to_next_halving",
    "blocks_until_epoch",
    "flow_shares_of",
    "halving_day",
    "halving_threshold",
    "halvings",
    "inflow_share_for",
    "issuance_after",
    "liquidation_tao",
    "market_caps",
    "max_move",
    "move",
    "pay_out",
    "price_multiple",
    "rules_at",
    "run_block",
    "simulate",
    "split_alpha",
    "tao_emission_value",
    "tao_issuance",
    "tao_per_day",
    "to_rao",
    "to_tokens",
    "withdrawable_share",
    "withdrawable_share_after",
]
