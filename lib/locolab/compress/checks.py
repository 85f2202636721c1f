"""What a well-formed payload content is, beyond its framing: every rule an honest sender cannot break.

Each class of malformed content that the public program at v2.1.3 accepts or stops at (values of another
type, codes beyond the codebook, huge or missing numbers, repeated positions) has its rule here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from locolab.compress.part import Part, code_bits, groups
from locolab.compress.quantise import TEMPLAR_BINS, Floats
from locolab.compress.spec import WIRE_LIMIT, CompressionSpec


class PayloadError(ValueError):
    """The bytes are not a payload that an honest sender with this spec and these shapes could have made."""


def check_part(name: str, part: Part, spec: CompressionSpec) -> None:
    """Raise PayloadError, naming the tensor, unless the content of one tensor is well formed."""
    try:
        _check_positions(part)
        live = part.live()
        if spec.quantizer == "none":
            _check_floats(part.exact, "values")
            require(not part.exact[~live].any(), "a dead chunk carries values")
            return
        _check_floats(part.levels, "levels")
        require(bool((part.codes < 1 << code_bits(spec)).all()), "a code is beyond the codebook")
        require(not part.codes[~live].any(), "a dead chunk carries codes")
        if part.geometry.n_chunks:
            _check_levels(part, live, spec)
    except PayloadError as error:
        raise PayloadError(f"tensor {name!r}: {error}") from None


def require(condition: bool, otherwise: str) -> None:
    """Raise PayloadError with the message `otherwise` unless the condition holds."""
    if not condition:
        raise PayloadError(otherwise)


def _check_positions(part: Part) -> None:
    chunk, local = part.geometry.chunk_of, part.local
    inside = (local >= 0) & (local < part.geometry.sizes[chunk])
    require(bool(inside.all()), "a position lies outside its chunk")
    repeated = (np.diff(local) <= 0) & (np.diff(chunk) == 0)
    require(not repeated.any(), "positions do not ascend inside a chunk")
    lowest = np.arange(len(local)) - part.geometry.starts[chunk]
    require(bool((local == lowest)[~part.live()].all()), "a dead chunk names other than its lowest positions")


def _check_floats(values: Floats, what: str) -> None:
    require(bool((np.abs(values) <= WIRE_LIMIT).all()), f"{what} should be finite and at most 1e30")
    require(not ((values == 0) & np.signbit(values)).any(), f"{what} hold a negative zero")


def _check_levels(part: Part, live: NDArray[np.bool_], spec: CompressionSpec) -> None:
    """Check that unused levels are 0.0 and that used ones ascend; magnitudes are not negative either."""
    if spec.quantizer == "templar":
        used = np.bincount(part.codes[live], minlength=TEMPLAR_BINS)[None] > 0
        levels = part.levels[None, 1:]
        require(bool(used.any()) or part.levels[0] == 0, "a mean without values")
    else:
        classes = part.levels.shape[1]
        label = groups(part.geometry, spec) * classes + part.codes % classes
        used = np.bincount(label[live], minlength=part.levels.size).reshape(part.levels.shape) > 0
        levels = part.levels
        require(not np.signbit(levels).any(), "a magnitude level is negative")
    require(not levels[~used].any(), "a level without values is not 0.0")
    below = np.maximum.accumulate(np.where(used, levels, -np.inf), axis=1)
    require(bool((levels == below)[used].all()), "levels do not ascend")
