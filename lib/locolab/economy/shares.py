"""Which subnet gets how much of the TAO emission: moving averages of price and flow, and shares from them.

Rules of subtensor at v3.3.13-393 (stake_utils.rs, subnet_emissions.rs). Averages and shares are raw
fixed-point numbers as the chain stores them; `flow_shares_of` is the same rule for float arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from locolab.economy.fixed import I64F64, I96F32, U64F64, U96F32, FixedFormat
from locolab.economy.subnets import Array, finite
from locolab.economy.units import amount

PRICE_RAMP_BLOCKS = 201_600
"""Age at which a subnet's average of the price moves at half of its final speed."""

PRICE_SMOOTHING = I96F32.of(3e-6)
"""Weight of the newest price in the average of an old subnet, by default: a half-life of 32 days."""

FLOW_SMOOTHING = I64F64.divide(I64F64.of(29_597_889_189_277), I64F64.of(2**63 - 1))
"""Weight of the newest block in the average of flows, by default: a half-life of 216,000 blocks, 30 days."""

_ONE = U96F32.of(1)


def next_price_ema(
    ema: int,
    price: int,
    age_blocks: int,
    smoothing: int = PRICE_SMOOTHING,
    ramp_blocks: int = PRICE_RAMP_BLOCKS,
) -> int:
    """Return the moving average of a price one update later; `ema`, `price`, `smoothing` are raw U96F32.

    The weight of the price, counted as at most 1, is smoothing * age/(age + ramp).

    >>> one, half = U96F32.of(1), U96F32.of(0.5)
    >>> U96F32.to_float(next_price_ema(0, one, age_blocks=201_600, smoothing=half))
    0.25
    """
    age = U96F32.of(amount(age_blocks, "age_blocks"))
    ramp = U96F32.safe_divide(age, U96F32.add(age, U96F32.of(amount(ramp_blocks, "ramp_blocks"))))
    weight = U96F32.multiply(smoothing, ramp)
    newest = U96F32.multiply(weight, min(price, _ONE))
    return U96F32.add(newest, U96F32.multiply(U96F32.subtract(_ONE, weight), ema))


def next_flow_ema(ema: int, flow_rao: int, smoothing: int = FLOW_SMOOTHING) -> int:
    """Return the moving average of net TAO flow (raw I64F64, rao per block) after a block's `flow_rao`.

    >>> k = I64F64.of(0.25)
    >>> I64F64.to_float(next_flow_ema(I64F64.of(100), -100, smoothing=k))
    50.0
    """
    kept = I64F64.multiply(I64F64.subtract(I64F64.of(1), smoothing), ema)
    return I64F64.add(kept, I64F64.multiply(smoothing, I64F64.of(flow_rao)))


def proportions(weights: Sequence[int]) -> list[int]:
    """Return each weight over their sum as raw U64F64, truncated; all 0 if nothing is above 0.

    >>> [U64F64.to_float(share) for share in proportions([1, 3, 0])], proportions([0, 0])
    ([0.25, 0.75, 0.0], [0, 0])
    """
    if any(weight < 0 for weight in weights):
        raise ValueError(f"weights of shares are at least 0, got {min(weights)}")
    total = sum(weights)
    return [(weight << U64F64.fraction) // total if total else 0 for weight in weights]


def flow_shares(flow_emas: Sequence[int], cutoff: int = 0) -> list[int]:
    """Return the shares (raw U64F64) that net flows give, with the exponent 1 that was in force.

    flow_emas, cutoff: raw I64F64. What counts is the flow above max(cutoff, min(0, smallest flow)): with the
    cutoff 0 a subnet whose stakers on balance take TAO out gets nothing. The chain computes x**1 by way of
    logarithms and is off by up to 1e-5 of a share; these are the exact proportions.

    >>> [U64F64.to_float(share) for share in flow_shares([I64F64.of(flow) for flow in (-5, 100, 300)])]
    [0.0, 0.25, 0.75]
    """
    floor = max(cutoff, min([0, *flow_emas]))
    return proportions([max(flow - floor, 0) for flow in flow_emas])


def flow_shares_of(flow_emas: ArrayLike, cutoff: float = 0.0, exponent: float = 1.0) -> Array:
    """Return the shares of `flow_shares` as floats, with any exponent from 1 on; they sum to 1 or are all 0.

    >>> flow_shares_of([-5, 100, 300]).tolist(), flow_shares_of([2, 3, 5], exponent=2).round(3).tolist()
    ([0.0, 0.25, 0.75], [0.105, 0.237, 0.658])
    """
    flows = finite("flow_emas", flow_emas, None)
    if not exponent >= 1:
        raise ValueError(f"the exponent of flow shares is at least 1, got {exponent}")
    above = np.maximum(flows - max(cutoff, min(0.0, flows.min(initial=0.0))), 0)
    largest = above.max(initial=0.0)
    if not largest:
        return np.zeros_like(above)
    powers = (above / largest) ** exponent
    return powers / powers.sum()


def tao_emissions(block_emission_rao: int, shares: Sequence[int]) -> list[int]:
    """Return each subnet's part of a block's TAO emission, raw U96F32 rao, from raw U64F64 shares."""
    emission = U64F64.of(amount(block_emission_rao, "block_emission_rao"))
    return [U96F32.convert(U64F64.multiply(emission, share), U64F64) for share in shares]


def alpha_price(tao_rao: int, alpha_rao: int, form: FixedFormat = U96F32) -> int:
    """Return TAO over alpha of a pool that has never traded, raw; 0 without alpha."""
    return form.safe_divide(form.of(amount(tao_rao, "tao_rao")), form.of(amount(alpha_rao, "alpha_rao")))
