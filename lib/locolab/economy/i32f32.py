"""Arrays of I32F32: int64 raw numbers in units of 2**-32, with the chain's rounding in every element.

Products and quotients need up to 128 bits on the way; they are taken in halves and by long division, so
that numpy's 64 bits suffice. `fixed.I32F32` is the same arithmetic for single Python integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from locolab.economy.fixed import I32F32, U16_MAX

Raw = NDArray[np.int64]

ONE = 1 << 32
_LOW = ONE - 1
_HALF, _MASK = np.uint64(32), np.uint64(_LOW)
_E = 22_802_600 << 9  # exp(1) of the chain's library: floor(e * 2**23), a constant of 23 fractional bits


def of(values: ArrayLike) -> Raw:
    """Return the raw numbers nearest to `values` (ties to even), saturated; NaN raises ValueError.

    >>> of([0.5, 1e-9, 3]).tolist()
    [2147483648, 4, 12884901888]
    """
    given = np.asarray(values)
    if given.dtype.kind in "iuf" and (np.abs(given.astype(float)) < 2**30).all():
        if given.dtype.kind != "f":
            return given.astype(np.int64) << 32
        return np.rint(given.astype(float) * ONE).astype(np.int64)  # times a power of 2: rounded only once
    flat = [I32F32.of(value) for value in given.ravel().tolist()]
    return np.array(flat, np.int64).reshape(given.shape)


def to_float(raw: ArrayLike) -> NDArray[np.float64]:
    """Return raw numbers as floats."""
    return np.asarray(raw, np.float64) / ONE


def to_u16(raw: Raw) -> NDArray[np.uint16]:
    """Return floor(x * 65535) saturated to u16, the form in which the chain stores proportions.

    >>> to_u16(of([0.5, 1, 2, -1])).tolist()
    [32767, 65535, 65535, 0]
    """
    return np.clip(multiply(raw, of(U16_MAX)) >> 32, 0, U16_MAX).astype(np.uint16)


def multiply(left: Any, right: Any) -> Raw:
    """Return the elementwise product, floored and saturated; the operands broadcast.

    >>> to_float(multiply(of([1.5, -0.25]), of(4))).tolist()
    [6.0, -1.0]
    """
    left, right = np.broadcast_arrays(np.asarray(left, np.int64), np.asarray(right, np.int64))
    left_high, left_low = left >> 32, left & _LOW
    right_high, right_low = right >> 32, right & _LOW
    low = left_low.astype(np.uint64) * right_low.astype(np.uint64) >> _HALF
    with np.errstate(over="ignore"):
        product = (left_high * right_high << 32) + left_high * right_low + right_high * left_low
        product = product + low.astype(np.int64)
    return _repair(np.asarray(product), left, right)


def _repair(product: Raw, left: Raw, right: Raw) -> Raw:
    """Return `product` with the elements that may have passed the range computed anew, exactly."""
    if left.size == 0 or _largest(left) * _largest(right) < 2**94:
        return product
    large = np.abs(left.astype(float) * right.astype(float)) >= 2**94
    pairs = zip(left[large].tolist(), right[large].tolist(), strict=True)
    product = product.copy()
    product[large] = [I32F32.multiply(a, b) for a, b in pairs]
    return product


def _largest(raw: Raw) -> int:
    return max(int(raw.max()), -int(raw.min()))


def divide(left: Any, right: Any) -> Raw:
    """Return the elementwise quotient, truncated toward zero; 0 where `right` is 0 or the range is passed.

    That is the chain's safe_div.

    >>> to_float(divide(of([1, -1, 5]), of([4, 4, 0]))).tolist()
    [0.25, -0.25, 0.0]
    """
    left, right = np.broadcast_arrays(np.asarray(left, np.int64), np.asarray(right, np.int64))
    if left.size == 0:
        return left.copy()
    # abs(-2**63) stays -2**63 in int64, which read as uint64 is the 2**63 that is meant
    remainder, divisor = np.abs(left).view(np.uint64), np.abs(right).view(np.uint64)
    divisor = np.where(divisor == 0, np.uint64(1), divisor)
    quotient, remainder = np.divmod(remainder, divisor)
    too_large = quotient >= 2**31
    step, missing = 64 - int(divisor.max()).bit_length(), 32
    while missing:  # long division: as many bits at once as the remainder has room for
        width = min(max(step, 1), missing)
        digits, remainder = np.divmod(remainder << np.uint64(width), divisor)
        quotient, missing = quotient << np.uint64(width) | digits, missing - width
    result = quotient.view(np.int64)
    result = np.where((left < 0) != (right < 0), -result, result)
    return np.where(too_large | (right == 0), 0, result)


def total(raw: Raw, axis: int | None = None) -> Raw:
    """Return the sum over `axis` (all elements unless told), saturated.

    >>> to_float(total(of([[1, 2], [3, 4]]), axis=0)).tolist()
    [4.0, 6.0]
    """
    sums = np.asarray(raw.sum(axis=axis))
    exact = np.asarray(raw.astype(float).sum(axis=axis))
    if not exact.size or np.abs(exact).max() < 2**62:
        return sums
    ends = np.where(exact > 0, I32F32.maximum, I32F32.minimum)
    return np.where(np.abs(exact) >= 2**63, ends, sums)


def normalise(raw: Raw, axis: int | None = None) -> Raw:
    """Return `raw` divided by its sum over `axis`, unchanged where that sum is 0.

    >>> to_float(normalise(of([1, 1, 2, 0]))).tolist(), normalise(of([0, 0])).tolist()
    ([0.25, 0.25, 0.5, 0.0], [0, 0])
    """
    sums = total(raw, axis)
    sums = sums if axis is None else np.expand_dims(sums, axis)
    return np.where(sums == 0, raw, divide(raw, sums))


def exp(raw: Raw) -> Raw:
    """Return e**x by the series that the chain's library sums, with x clamped to -20..20.

    The library (encointer/substrate-fixed, src/transcendental.rs) adds the terms up to x**31/31!, each
    truncated, inverts the sum for a negative x, and returns a stored constant for x = 1. Near 20 the sum is
    1 % below e**x: the result is the chain's, not the function's.

    >>> to_float(exp(of([0, 1, -1]))).round(6).tolist()
    [1.0, 2.718282, 0.367879]
    """
    bounded = np.clip(raw, -20 * ONE, 20 * ONE)
    size = np.abs(bounded).astype(np.uint64)
    high, low = size >> _HALF, size & _MASK
    term, result = size, size + np.uint64(ONE)
    for i in range(2, 32):  # each product stays below 2**31, so its halves add up without overflow
        part = term & _MASK
        term = ((term >> _HALF) * size + part * high + (part * low >> _HALF)) // np.uint64(i)
        result = result + term
    result = result.astype(np.int64)
    result = np.where(bounded < 0, divide(ONE, result), result)
    return np.where(bounded == ONE, _E, result)


def sigmoid(exponent: Raw) -> Raw:
    """Return 1 / (1 + e**exponent); the sign is the caller's, as in the chain's code.

    >>> to_float(sigmoid(of([0, 20, -20]))).round(6).tolist()
    [0.5, 0.0, 1.0]
    """
    return divide(ONE, exp(exponent) + ONE)
