"""Bonds: a validator's record of whom it backed, the moving average behind its dividends (Yuma 2 and 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from locolab.economy import i32f32
from locolab.economy.fixed import I32F32, I64F64, U16_MAX
from locolab.economy.i32f32 import ONE, Raw
from locolab.economy.yuma.consensus import Mask, Votes
from locolab.economy.yuma.settings import YumaSettings


def bond_weights(votes: Votes, settings: YumaSettings) -> tuple[Raw, Mask]:
    """Return the weights that earn bonds, W + penalty * (clipped - W), and which of them are listed.

    At no penalty these are the weights, at full penalty the clipped ones; there a weight that consensus cut
    to 0 leaves the list, and in between only positive ones stay in it.
    """
    ratio = int(i32f32.divide(settings.bonds_penalty, U16_MAX))
    if ratio == 0:
        return votes.weights, votes.listed
    if ratio == ONE:
        return votes.clipped, votes.listed & ((votes.clipped > 0) | (votes.weights == 0))
    mixed = votes.weights + i32f32.multiply(ratio, votes.clipped - votes.weights)
    return np.maximum(mixed, 0), mixed > 0


def speed(settings: YumaSettings) -> int:
    """Return the new epoch's part in the moving average, 1 - bonds_moving_average / 1e6, raw I32F32."""
    kept = I64F64.divide(I64F64.of(settings.bonds_moving_average), I64F64.of(1_000_000))
    return ONE - I32F32.convert(kept, I64F64)


def moving_average(new: Raw, old: Raw, alpha: int | Raw) -> Raw:
    """Return alpha * new + (1 - alpha) * old, each product floored."""
    return i32f32.multiply(alpha, new) + i32f32.multiply(ONE - alpha, old)


def yuma2(votes: Votes, stored: NDArray[np.uint16], settings: YumaSettings) -> tuple[Raw, Raw]:
    """Return (bonds to store, dividends) of Yuma 2, where bonds are shares of a miner's column.

    Shapes: stored and bonds (rows, n), dividends (rows,). Each column of the bonds to store has its largest
    at 1.
    """
    weights, _ = bond_weights(votes, settings)
    old = i32f32.normalise(i32f32.of(stored), axis=0)
    new = i32f32.normalise(i32f32.multiply(weights, votes.stake[:, None]), axis=0)
    bonds = i32f32.normalise(moving_average(new, old, speed(settings)), axis=0)
    dividends = i32f32.total(i32f32.multiply(bonds, votes.incentive), axis=1)
    return i32f32.divide(bonds, bonds.max(axis=0, initial=0)), i32f32.normalise(dividends)


def yuma3(votes: Votes, stored: NDArray[np.uint16], settings: YumaSettings) -> tuple[Raw, Raw]:
    """Return (bonds to store, dividends) of Yuma 3, where each bond stands for itself and stake enters last.

    Shapes as in `yuma2`.
    """
    weights, listed = bond_weights(votes, settings)
    old = i32f32.divide(stored.astype(np.int64), U16_MAX)
    if settings.liquid_alpha and votes.consensus.any():
        alpha = liquid_alpha(weights, old, votes.consensus, settings)
        bonds = np.minimum(moving_average(weights, old, alpha), ONE)
        bonds = np.where(listed, bonds, 0)  # the chain walks along the list of weights
    else:
        bonds = moving_average(weights, old, speed(settings))
    shares = i32f32.multiply(i32f32.normalise(bonds, axis=0), votes.incentive)
    dividends = i32f32.multiply(i32f32.total(shares, axis=1), votes.stake)
    return bonds, i32f32.normalise(dividends)


def liquid_alpha(weights: Raw, bonds: Raw, consensus: Raw, settings: YumaSettings) -> Raw:
    """Return each bond's own speed between alpha_low and alpha_high, a sigmoid of how far it has to move.

    Buying (weight >= bond) is measured from consensus, selling from the weight.
    """
    low, high = (int(i32f32.divide(a, U16_MAX)) for a in (settings.alpha_low, settings.alpha_high))
    move = np.clip(np.where(weights >= bonds, weights - consensus, bonds - weights), 0, ONE)
    slope = I32F32.divide(I32F32.of(settings.alpha_sigmoid_steepness), I32F32.of(-100))
    curve = i32f32.sigmoid(i32f32.multiply(slope, move - ONE // 2))
    return np.clip(low + i32f32.multiply(curve, high - low), low, high)
