"""One epoch of Yuma consensus: from stake, weights and bonds to incentive, dividends and rao.

The sparse epoch of opentensor/subtensor v3.3.13-393 (S/epoch/run_epoch.rs), bit for bit: I32F32 arithmetic
throughout, stake divided in I64F64, amounts in I96F32.
"""

from __future__ import annotations

import dataclasses
import operator
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from locolab.economy import i32f32
from locolab.economy.fixed import U64_MAX
from locolab.economy.i32f32 import Raw
from locolab.economy.yuma.bonds import yuma2, yuma3
from locolab.economy.yuma.consensus import Votes, active_uids, count, stake_shares, top_permits
from locolab.economy.yuma.metagraph import Metagraph

Share = Literal[
    "stake", "active_stake", "consensus", "validator_trust", "incentive", "dividends", "combined_emission"
]
Rao = NDArray[np.uint64]


@dataclasses.dataclass(frozen=True)
class EpochResult:
    """What one epoch gave, an entry a uid: shares as raw I32F32, amounts in rao, and what it would store."""

    stake: Raw
    active_stake: Raw  # of uids with a permit and recent weights
    consensus: Raw
    validator_trust: Raw
    incentive: Raw  # sums to 1 over the miners, or to 0
    dividends: Raw  # sums to 1 over the validators, or to 0
    combined_emission: Raw  # of the emission
    server_rao: Rao  # incentive's part of the emission
    validator_rao: Rao  # dividends' part
    emission_rao: Rao  # both, floored once
    active: NDArray[np.bool_]
    permits: NDArray[np.bool_]  # for the next epoch
    bonds: NDArray[np.uint16]  # (validator, miner)

    def fraction(self, name: Share) -> NDArray[np.float64]:
        """Return a share as floats."""
        return i32f32.to_float(getattr(self, name))

    def u16(self, name: Share) -> NDArray[np.uint16]:
        """Return a share as the chain stores it, floor(x * 65535)."""
        return i32f32.to_u16(getattr(self, name))

    def table(self) -> pd.DataFrame:
        """Return one row a uid: shares as floats, amounts in rao."""
        shares: tuple[Share, ...] = ("stake", "consensus", "validator_trust", "incentive", "dividends")
        columns: dict[str, Any] = {name: self.fraction(name) for name in shares}
        columns |= {name: getattr(self, name) for name in ("server_rao", "validator_rao", "emission_rao")}
        return pd.DataFrame({"uid": range(len(self.stake)), **columns, "permit": self.permits})


def epoch(metagraph: Metagraph, emission: int = 10**9) -> EpochResult:
    """Return what an epoch at the metagraph's block pays out of `emission` rao; nothing is stored.

    Permits handed out here hold from the next epoch on. Without any incentive or dividend the emission goes
    to the active stake, or to all stake if none is active.

    >>> metagraph = Metagraph([3, 1, 0, 0])
    >>> result = run_epoch(metagraph)  # permits
    >>> metagraph.advance(361)
    >>> metagraph.set_weights(0, {2: 1, 3: 1})
    >>> metagraph.set_weights(1, {2: 1})
    >>> run_epoch(metagraph).table()[["consensus", "incentive", "dividends"]].round(3).T.to_numpy().tolist()
    [[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.571, 0.429], [0.857, 0.143, 0.0, 0.0]]
    """
    emission = operator.index(emission)
    if not 0 <= emission <= U64_MAX:
        raise ValueError(f"the emission is {emission} rao; it must lie in 0..{U64_MAX}")
    stake, active = stake_shares(metagraph), active_uids(metagraph)
    active_stake = i32f32.normalise(np.where(active & metagraph.permits, stake, 0))
    votes = count(metagraph, active_stake)
    bonds, dividends = _bonds_and_dividends(metagraph, votes)
    dividends = _spread(dividends, votes.rows, metagraph.n)
    server, validator, combined = _emission_shares(votes.incentive, dividends, active_stake, stake)
    permits = top_permits(stake, metagraph.settings.max_validators)
    stored = _spread(i32f32.to_u16(bonds), votes.rows, metagraph.n)
    return EpochResult(
        stake=stake,
        active_stake=active_stake,
        consensus=votes.consensus,
        validator_trust=_spread(i32f32.total(votes.clipped, axis=1), votes.rows, metagraph.n),
        incentive=votes.incentive,
        dividends=dividends,
        combined_emission=combined,
        server_rao=_rao(server, emission),
        validator_rao=_rao(validator, emission),
        emission_rao=_rao(combined, emission),
        active=active,
        permits=permits,
        bonds=np.where(permits[:, None], stored, np.uint16(0)),
    )


def run_epoch(metagraph: Metagraph, emission: int = 10**9) -> EpochResult:
    """Return epoch(metagraph, emission) after storing its permits and bonds."""
    result = epoch(metagraph, emission)
    metagraph.permits, metagraph.bonds = result.permits, result.bonds
    return result


def _bonds_and_dividends(metagraph: Metagraph, votes: Votes) -> tuple[Raw, Raw]:
    """Return (bonds to store, dividends) of votes.rows; bonds to newly registered miners go first."""
    recent = max(metagraph.block - metagraph.settings.tempo, 0) <= metagraph.registered
    stored = np.where(recent, np.uint16(0), metagraph.bonds[votes.rows])
    return (yuma3 if metagraph.settings.yuma3 else yuma2)(votes, stored, metagraph.settings)


def _emission_shares(incentive: Raw, dividends: Raw, active: Raw, stake: Raw) -> tuple[Raw, Raw, Raw]:
    """Return the parts of the emission that go to each uid as miner, as validator, and as both."""
    combined = incentive + dividends
    whole = i32f32.total(combined)
    if whole:
        return (
            i32f32.divide(incentive, whole),
            i32f32.divide(dividends, whole),
            i32f32.divide(combined, whole),
        )
    fallback = active if active.any() else stake
    return incentive, fallback, fallback


def _rao(share: Raw, emission: int) -> Rao:
    return np.array([min(part * emission >> 32, U64_MAX) for part in share.tolist()], np.uint64)


def _spread(values: NDArray[Any], rows: NDArray[np.intp], n: int) -> NDArray[Any]:
    """Return an array with an entry (or row) a uid, `values` at `rows` and 0 elsewhere."""
    spread = np.zeros((n, *values.shape[1:]), values.dtype)
    spread[rows] = values
    return spread
