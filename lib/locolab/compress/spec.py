"""What a compression is asked to do: the settings a sender and its receivers must share."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

from locolab.config import Config, ConfigError

QUANTIZERS = ("magnitude", "templar", "none")
CODECS = ("packed", "entropy", "templar", "ccloco")

WIRE_LIMIT = float.fromhex("0x1.93e592p99")
"""Largest magnitude a payload may carry, the last fp32 number below 1e30: sums of many stay finite."""

_LARGEST_COUNT = 2**63 - 1  # chunk, k and group are written as unsigned 64-bit integers


@dataclass(frozen=True)
class CompressionSpec(Config):
    """Settings of chunk-wise top-k with error feedback, as in SparseLoCo (arXiv 2603.08163, section 2.1).

    chunk (C): elements of a chunk, a perfect square; k: entries kept of a full chunk; bits: of a value,
    sign included; decay (beta): of the error feedback; quantizer: "magnitude", "templar" or "none";
    group: consecutive chunks sharing their levels; codec: default wire format of `encode`.
    Raises ConfigError (a ValueError) for a value out of range.

    >>> CompressionSpec(chunk=4096, k=64).edge
    64
    >>> CompressionSpec(k=5000)
    Traceback (most recent call last):
    locolab.config.ConfigError: k=5000 is outside 1..chunk=4096
    """

    chunk: int = 4096
    k: int = 64
    bits: int = 2
    decay: float = 0.95
    quantizer: str = "magnitude"
    group: int = 64
    codec: str = "entropy"

    def __post_init__(self) -> None:
        for name in ("chunk", "k", "bits", "group"):
            object.__setattr__(self, name, _integer(name, getattr(self, name)))
        if math.isqrt(self.chunk) ** 2 != self.chunk:
            raise ConfigError(f"chunk={self.chunk} is no perfect square, so it is not a block's area")
        if self.k > self.chunk:
            raise ConfigError(f"k={self.k} is outside 1..chunk={self.chunk}")
        if self.bits > 3:
            raise ConfigError(f"bits={self.bits} is not 1, 2 or 3")
        object.__setattr__(self, "decay", _fraction("decay", self.decay))
        _check_choice("quantizer", self.quantizer, QUANTIZERS)
        _check_choice("codec", self.codec, CODECS)

    @classmethod
    def thrifty(cls) -> CompressionSpec:
        """Return the settings that lose least at 230 times fewer bytes than fp32: a sign for each value.

        One bit, one level for every two chunks, entropy-coded; measured in chapter 04 beside the public
        code's two bits. What `CompressionSpec()` asks for stays the paper's two bits.

        >>> CompressionSpec.thrifty() == CompressionSpec(bits=1, group=2, codec="entropy")
        True
        """
        return cls(bits=1, group=2, codec="entropy")

    @property
    def edge(self) -> int:
        """Side of the square block that a full chunk of a matrix covers."""
        return math.isqrt(self.chunk)


def _integer(name: str, value: object) -> int:
    """Return a whole number of any kind (NumPy's too) as int."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ConfigError(f"{name} should be an integer, got {value!r}")
    whole = int(value)
    if not 1 <= whole <= _LARGEST_COUNT:
        raise ConfigError(f"{name}={whole} is outside 1..2**63-1")
    return whole


def _fraction(name: str, value: object) -> float:
    """Return a number in 0..1 as float."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ConfigError(f"{name} should be a number, got {value!r}")
    if value < 0 or not value <= 1:  # also NaN; before float(), which refuses huge integers in its own way
        raise ConfigError(f"{name}={value!r} is outside 0..1")
    return float(value) + 0.0  # 0.0 and -0.0 are one configuration


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{name}={value!r} is not known; choose one of {', '.join(known)}")
