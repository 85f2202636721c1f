"""From stake and weights to consensus: who counts, which weights count, and the weighted median."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from locolab.economy import i32f32
from locolab.economy.fixed import I64F64, U16_MAX
from locolab.economy.i32f32 import Raw
from locolab.economy.yuma.metagraph import Metagraph

Mask = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Votes:
    """The weights that count in one epoch and what they agree on; `rows` are the uids that may have any."""

    rows: NDArray[np.intp]
    stake: Raw  # (rows,) active stake
    weights: Raw  # (rows, n), each row sums to 1
    listed: Mask  # (rows, n) which of them stand in the list
    consensus: Raw  # (n,)
    clipped: Raw  # (rows, n) weights cut to consensus
    incentive: Raw  # (n,)


def count(metagraph: Metagraph, active_stake: Raw) -> Votes:
    """Return the votes of the subnet's validators, whose stake is active_stake (n,)."""
    rows = np.flatnonzero(metagraph.permits | metagraph.bonds.any(axis=1))  # all others weigh and own nothing
    stake, listed = active_stake[rows], counted(metagraph, rows)
    stored = np.where(listed, metagraph.weights[rows].astype(np.int64) << 32, 0)
    weights = i32f32.normalise(stored, axis=1)
    consensus = consensus_of(stake, weights, int(i32f32.divide(metagraph.settings.kappa, U16_MAX)))
    clipped = np.minimum(weights, consensus)
    ranks = i32f32.total(i32f32.multiply(clipped, stake[:, None]), axis=0)
    return Votes(rows, stake, weights, listed, consensus, clipped, i32f32.normalise(ranks))


def stake_shares(metagraph: Metagraph) -> Raw:
    """Return each uid's share of the stake; stakes below the threshold count as none.

    The division is done in I64F64 and the result cut to I32F32.
    """
    threshold = metagraph.settings.stake_threshold
    raw = [I64F64.of(stake) if stake >= threshold else 0 for stake in metagraph.stake]
    total = sum(raw) or 1
    return np.array([(stake << 32) // total for stake in raw], np.int64)


def top_permits(stake: Raw, k: int) -> Mask:
    """Return which uids get a permit: the `k` largest stakes, none that are 0; of equals the higher uid.

    >>> top_permits(np.array([5, 5, 0, 7]), 2).tolist()
    [False, True, False, True]
    """
    permits = stake != 0
    permits[np.argsort(stake, kind="stable")[: max(len(stake) - k, 0)]] = False
    return permits


def active_uids(metagraph: Metagraph) -> Mask:
    """Return which uids have set weights (or registered) within the activity cutoff."""
    return metagraph.last_update + metagraph.settings.activity_cutoff >= metagraph.block


def counted(metagraph: Metagraph, rows: NDArray[np.intp]) -> Mask:
    """Return which stored weights of the uids `rows` count, shape (rows, n).

    Dropped are rows without a permit, weights on oneself except the owner's, weights not newer than the
    miner's registration and, under commit-reveal, weights committed before it.
    """
    kept = metagraph.listed[rows] & metagraph.permits[rows, None]
    kept &= metagraph.last_update[rows, None] > metagraph.registered
    if metagraph.settings.commit_reveal:
        kept &= metagraph.commits[rows, None] >= metagraph.registered
    itself = rows[rows != metagraph.owner] if metagraph.owner is not None else rows
    kept[np.searchsorted(rows, itself), itself] = False
    return kept


def weighted_median(stake: Raw, scores: Raw, minority: int) -> Raw:
    """Return each column's smallest score such that the stake with that score or less exceeds `minority`.

    Shapes: stake (rows,), scores (rows, columns). If there is none, it is the largest; 0 without rows.
    The chain finds the same score by halving (S/epoch/math.rs, weighted_median): sums of stake are exact.

    >>> scores, half = i32f32.of([[0.25], [0.5], [1.0]]), i32f32.ONE // 2
    >>> stakes = [0.5, 0.3, 0.2], [0.51, 0.29, 0.2], [0.1, 0.1, 0.8]
    >>> [i32f32.to_float(weighted_median(i32f32.of(stake), scores, half)).item() for stake in stakes]
    [0.5, 0.25, 1.0]
    """
    if not len(stake):
        return np.zeros(scores.shape[1], np.int64)
    order = np.argsort(scores, axis=0, kind="stable")
    passed = np.cumsum(stake[order], axis=0) > minority
    first = np.where(passed.any(axis=0), passed.argmax(axis=0), len(stake) - 1)
    return np.take_along_axis(scores, np.take_along_axis(order, first[None], 0), 0)[0]


def consensus_of(stake: Raw, weights: Raw, majority: int) -> Raw:
    """Return each miner's consensus weight: the largest that validators with `majority` of the stake support.

    Shapes: stake (rows,), weights (rows, n), majority a raw I32F32. Only rows with stake vote; their stake is
    divided by its sum once more, and the minority is what that leaves of about 1.
    """
    voting = stake > 0
    shares = i32f32.normalise(stake[voting])
    return weighted_median(shares, weights[voting], int(i32f32.total(shares)) - majority)
