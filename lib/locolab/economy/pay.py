"""From reward weights to TAO in a peer's pocket: consensus, the emission's split, and a sale into the pool.

Exact rao throughout, with the rules of subtensor v3.3.13-393. The weights come from elsewhere, for instance
the Gauntlet's: shares that sum to 1 or less; what is missing is burnt through the subnet owner's own key.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import pandas as pd

from locolab.economy.dividends import Hotkey
from locolab.economy.full_range import FullRangePool
from locolab.economy.issuance import BLOCKS_PER_DAY, block_emission
from locolab.economy.payout import Payout, Pending, pay_out
from locolab.economy.split import MAINNET_TAO_WEIGHT_U64, root_proportion, split_alpha
from locolab.economy.units import RAO
from locolab.economy.yuma import Metagraph, YumaSettings, run_epoch

VALIDATOR, OWNER = "validator", "owner"


@dataclass(frozen=True)
class PayDay:
    """What a stretch of blocks pays. created_rao: the alpha created; payout: where it went.

    peers: one row a peer, best paid first: peer, weight, alpha, at_spot_tao (alpha times the price),
    alone_tao (what it receives if it alone sells), all_tao (what it receives if all peers sell, in this
    order).
    """

    created_rao: int
    payout: Payout
    peers: pd.DataFrame

    def parts(self) -> dict[str, float]:
        """Return the alpha tokens of each destination; together they are what was created."""
        paid = self.payout
        parts = {
            "owner": paid.owner_rao,
            "miners' part, burned": paid.burned_rao,
            "peers": sum(paid.incentives.values()),
            "validators and their stakers": sum(paid.takes.values()) + sum(paid.nominators.values()),
            "root stakers": sum(paid.claimable.values()),
        }
        rounding = self.created_rao - sum(parts.values())
        return {name: rao / RAO for name, rao in {**parts, "lost to rounding": rounding}.items()}


def pay_day(
    weights: Mapping[Hashable, float],
    pool: FullRangePool,
    root_tao_rao: int = 0,
    blocks: int = BLOCKS_PER_DAY,
) -> PayDay:
    """Return what `blocks` blocks of a subnet's alpha emission pay to the peers with these reward weights.

    One validator holds all the stake and sets the weights; the pool's alpha and what is outside it set the
    emission. root_tao_rao: TAO on root, which takes part of the validators' half. One epoch pays the whole
    stretch. Raises ValueError for weights that are not finite, negative, or sum to more than 1, without a
    positive weight, or for a pool that does not follow the alpha outside.

    >>> pool = FullRangePool.open(50_000 * RAO, 2_500_000 * RAO, outside_rao=2_500_000 * RAO)
    >>> paid = pay_day({"a": 0.3, "b": 0.2}, pool)
    >>> paid.peers.round(2).to_numpy().tolist()
    [['a', 0.3, 885.6, 17.71, 17.7, 17.7], ['b', 0.2, 590.4, 11.81, 11.8, 11.79]]
    >>> {name: round(alpha) for name, alpha in paid.parts().items() if alpha >= 1}
    {'owner': 1296, "miners' part, burned": 1476, 'peers': 1476, 'validators and their stakers': 2952}
    """
    outside = _checked(weights, pool, blocks)
    issued = pool.alpha_rao + outside
    created = blocks * block_emission(issued)
    split = split_alpha(created, root_proportion(root_tao_rao, issued, MAINNET_TAO_WEIGHT_U64))
    pending = Pending(split.owner_rao, split.miners_rao, split.validators_rao, split.root_rao)
    names = [VALIDATOR, OWNER, *weights]
    shares = [1 - math.fsum(weights.values()), *weights.values()]
    emissions = _consensus(shares, pending.miners_rao + pending.validators_rao + pending.root_rao)
    keys = [str(number) for number in range(len(names))]
    hotkeys = {key: Hotkey() for key in keys} | {keys[0]: Hotkey(alpha_rao=outside, root_rao=root_tao_rao)}
    paid = pay_out(
        pending,
        hotkeys,
        MAINNET_TAO_WEIGHT_U64,
        dict(zip(keys, emissions, strict=True)),
        owner_hotkeys={keys[1]},
    )
    rows = [
        (peer, weights[peer], paid.incentives.get(key, 0))
        for peer, key in zip(names[2:], keys[2:], strict=True)
    ]
    return PayDay(created, paid, _sold(sorted(rows, key=lambda row: -row[2]), pool, created))


def _consensus(shares: list[float], total_rao: int) -> list[tuple[int, int]]:
    """Return (incentive, dividend) in rao of the validator, the owner and every peer."""
    metagraph = Metagraph([RAO, *[0] * len(shares)], YumaSettings())
    run_epoch(metagraph)  # hands out the permit
    metagraph.advance(metagraph.settings.tempo)
    metagraph.set_weights(0, dict(enumerate((max(share, 0.0) for share in shares), 1)))
    metagraph.advance()
    result = run_epoch(metagraph, total_rao)
    return list(zip(result.server_rao.tolist(), result.validator_rao.tolist(), strict=True))


def _sold(rows: list[tuple[Hashable, float, int]], pool: FullRangePool, created: int) -> pd.DataFrame:
    """Return the peers' table; what was created is outside the pool when they sell."""
    here = FullRangePool.open(
        pool.tao_rao, pool.alpha_rao, (pool.outside_rao or 0) + created, pool.fee_rate, pool.minimum_rao
    )
    table, together = [], here
    for peer, weight, alpha in rows:
        alone, received = 0, 0
        if alpha:
            alone = here.sell(alpha)[1].received
            together, receipt = together.sell(alpha)
            received = receipt.received
        table.append((peer, weight, alpha / RAO, here.price * alpha / RAO, alone / RAO, received / RAO))
    columns = ["peer", "weight", "alpha", "at_spot_tao", "alone_tao", "all_tao"]
    return pd.DataFrame(table, columns=columns)


def _checked(weights: Mapping[Hashable, float], pool: FullRangePool, blocks: int) -> int:
    values = [*weights.values()]
    if not all(math.isfinite(value) and value >= 0 for value in values) or not any(values):
        raise ValueError(f"reward weights are finite, at least 0, and one is above 0; got {dict(weights)}")
    if math.fsum(values) > 1 + 1e-9:
        raise ValueError(f"reward weights sum to 1 or less, these to {math.fsum(values)}")
    if blocks < 1:
        raise ValueError(f"a pay day needs at least one block, got {blocks}")
    if pool.outside_rao is None:
        raise ValueError("the pool must follow the alpha outside it: give outside_rao")
    return pool.outside_rao
