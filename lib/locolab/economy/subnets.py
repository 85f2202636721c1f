"""The state of many subnets at once, as float64 arrays in whole TAO and alpha: what a simulation moves."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

POSITIVE = float(np.finfo(np.float64).tiny)
"""The least number that `finite` takes for above 0."""


def finite(name: str, values: ArrayLike, least: float | None = 0.0) -> Array:
    """Return `values` as float64, all finite and at least `least` (None: any sign), else raise ValueError."""
    array = np.asarray(values, dtype=np.float64)
    good = np.isfinite(array) if least is None else np.isfinite(array) & (array >= least)
    if not good.all():
        where = np.argwhere(~good)[0]
        bounds = {None: "", POSITIVE: " and above 0"}
        wanted = "finite" + bounds.get(least, f" and at least {least}")
        raise ValueError(f"{name}{where.tolist()} should be {wanted}, got {array[tuple(where)]}")
    return array


@dataclass(frozen=True)
class Subnets:
    """State of n subnets, one number each; a single number stands for all.

    tao_pool, alpha_pool: the two sides of the pool, above 0. alpha_outside: alpha held outside the pool.
    price_ema: moving average of the price, TAO per alpha; None: the price now, at most 1.
    flow_ema: moving average of net TAO staked, TAO per block. age_blocks: blocks since the subnet started.

    >>> subnets = Subnets(tao_pool=[100, 50], alpha_pool=1000, alpha_outside=3000)
    >>> len(subnets), subnets.price.tolist(), subnets.withdrawable_tao.tolist()
    (2, [0.1, 0.05], [75.0, 37.5])
    """

    tao_pool: Array
    alpha_pool: Array
    alpha_outside: Array
    price_ema: Array
    flow_ema: Array
    age_blocks: Array

    def __init__(
        self,
        tao_pool: ArrayLike,
        alpha_pool: ArrayLike,
        alpha_outside: ArrayLike = 0.0,
        price_ema: ArrayLike | None = None,
        flow_ema: ArrayLike = 0.0,
        age_blocks: ArrayLike = 0.0,
    ) -> None:
        values = (
            finite("tao_pool", tao_pool, POSITIVE),
            finite("alpha_pool", alpha_pool, POSITIVE),
            finite("alpha_outside", alpha_outside),
            finite("price_ema", 0.0 if price_ema is None else price_ema),
            finite("flow_ema", flow_ema, None),
            finite("age_blocks", age_blocks),
        )
        try:
            same = np.broadcast_arrays(np.zeros(1), *values)[1:]
        except ValueError:
            shapes = ", ".join(str(value.shape) for value in values)
            raise ValueError(f"subnets need one number each or one for all, got shapes {shapes}") from None
        if same[0].ndim != 1:
            raise ValueError(f"subnets need one number each, got shape {same[0].shape}")
        for field, value in zip(fields(self), same, strict=True):
            object.__setattr__(self, field.name, value.copy())
        if price_ema is None:
            object.__setattr__(self, "price_ema", np.minimum(self.price, 1))

    def __len__(self) -> int:
        return len(self.tao_pool)

    @property
    def price(self) -> Array:
        """Return the spot price of each alpha token, in TAO."""
        return self.tao_pool / self.alpha_pool

    @property
    def alpha_issuance(self) -> Array:
        """Return the alpha in the pool and outside it."""
        return self.alpha_pool + self.alpha_outside

    @property
    def withdrawable_tao(self) -> Array:
        """Return the TAO that all holders together would get for all alpha outside the pool."""
        return self.tao_pool * self.alpha_outside / self.alpha_issuance
