"""Stakers who chase returns: flows for `simulate` that follow the prices they move. A model, no forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from locolab.economy.subnets import Array, Subnets, finite

MOST_OUT = 0.9
"""The largest part of a pool's TAO that stakers take out in one period."""


@dataclass
class ReturnChasers:
    """A function of state and period that `simulate` takes as `flows`: it keeps what it has seen of prices.

    others: net flow of all other stakers as a share of the pool's TAO, shape (periods, n). chase: what
    chasers add for each unit of trend, also as a share of the pool's TAO; shape (n,), 0 for none. The trend
    is a moving average of the price's relative change in a period, in logarithms; memory: its mean age in
    periods, at least 1. budget_tao: what chasers can pay in at most, all subnets together; alpha bought
    before the start may be sold too, so there is no such limit downwards.

    >>> state = Subnets(tao_pool=[100.0], alpha_pool=[1000.0])
    >>> stakers = ReturnChasers(others=[[0.1], [0.0]], chase=0.25, memory=1)
    >>> stakers(state, 0).tolist()                           # nobody has seen a price change yet
    [10.0]
    >>> risen = Subnets(tao_pool=[100 * math.e], alpha_pool=[1000.0])
    >>> (stakers(risen, 1) / risen.tao_pool).round(6).tolist()  # a logarithmic rise of 1, a quarter of it
    [0.25]
    """

    others: ArrayLike
    chase: ArrayLike
    memory: float = 1.0
    budget_tao: float = math.inf
    paid_tao: float = field(default=0.0, init=False)
    _seen: Array | None = field(default=None, init=False, repr=False)
    _trend: Array | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.others = np.atleast_2d(finite("others", self.others, None))
        self.chase = finite("chase", self.chase)
        if not self.memory >= 1 or not self.budget_tao >= 0:
            raise ValueError(
                f"memory is at least 1 period and a budget at least 0; got {self.memory}, {self.budget_tao}"
            )

    def __call__(self, state: Subnets, period: int) -> Array:
        """Return the TAO that enters each pool in this period; call it once a period, in order."""
        others = np.asarray(self.others)
        if period >= len(others):
            raise ValueError(f"others has {len(others)} periods, period {period} is missing")
        flow = state.tao_pool * np.maximum(others[period], -MOST_OUT)
        chasing = self._affordable(state.tao_pool * np.asarray(self.chase) * self._follow(state.price))
        return np.maximum(flow + chasing, -MOST_OUT * state.tao_pool)

    def _follow(self, price: Array) -> Array:
        """Return the trend after this price."""
        if self._seen is None or self._trend is None:
            self._trend = np.zeros_like(price)
        else:
            self._trend = self._trend + (np.log(price / self._seen) - self._trend) / self.memory
        self._seen = price
        return self._trend

    def _affordable(self, wanted: Array) -> Array:
        """Return the chasers' flows, purchases cut alike where their budget ends."""
        bought, sold = np.maximum(wanted, 0), np.minimum(wanted, 0)
        spare = self.budget_tao - self.paid_tao - float(sold.sum())
        cut = min(1.0, spare / float(bought.sum())) if bought.any() else 1.0
        flow = bought * cut + sold
        self.paid_tao += float(flow.sum())
        return flow


def amplification(chase: float) -> float:
    """Return by what chasers multiply the logarithm of a small price change: 1 / (1 - 2 * chase).

    A small flow f moves the price by 2 f (`curve.price_multiple`), so a change r draws in chase * r and that
    moves the price by 2 * chase * r more, and so on: a geometric series. ValueError from chase = 1/2 on,
    where the series has no end.

    >>> amplification(0.0), amplification(0.25)
    (1.0, 2.0)
    """
    if not 0 <= chase < 0.5:
        raise ValueError(f"chase = {chase}: from 0 to below 1/2; from there on the loop feeds itself")
    return 1 / (1 - 2 * chase)


def outside_flows(
    periods: int,
    n: int,
    seed: int,
    noise: float = 0.005,
    pushes: ArrayLike = (),
) -> Array:
    """Return flows of stakers who do not look at prices, shares of the pool's TAO, shape (periods, n).

    noise: standard deviation of each period's flow. pushes: rows (first period, last period, share a
    period): what happens to every subnet on top. The seed draws the noise.

    >>> outside_flows(4, 1, seed=0, noise=0.0, pushes=[(1, 2, 0.1)]).ravel().tolist()
    [0.0, 0.1, 0.1, 0.0]
    """
    if periods < 1 or n < 1 or not noise >= 0:
        raise ValueError(f"give periods and n from 1 and a noise from 0; got {periods}, {n}, {noise}")
    flows = np.random.default_rng(seed).normal(0.0, noise, (periods, n))
    for first, last, share in np.reshape(np.asarray(pushes, np.float64), (-1, 3)):
        flows[int(first) : int(last) + 1] += share
    return flows
