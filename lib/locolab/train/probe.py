"""Probes: a few parameters a peer publishes, so that a validator sees which round's theta it started from.

The idea is the public code's debug file (tplr-ai/templar v2.1.3, neurons/miner.py): two parameters of every
tensor, always the same two. Here the positions follow from (peer, round): what another peer published does
not serve, and keeping only some coordinates up to date does not either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from locolab.corpus import assignment_seed

PROBED = 256
"""Parameters in a probe: 1 KiB beside a payload."""

_WIRE = np.dtype("<f4")
_STREAM = 1  # keeps these draws apart from those of the samples


def probe_key(number: int, peer: int) -> str:
    """Return the key under which a peer's probe of a round lies.

    >>> probe_key(12, 3)
    'round-000012/probe-0003'
    """
    return f"round-{number:06d}/probe-{peer:04d}"


def probe_positions(peer: int, number: int, numel: int) -> NDArray[np.int64]:
    """Return which of `numel` parameters peer `peer` publishes in round `number`, int64 [PROBED].

    Drawn with replacement, so that a model of any size has a probe.

    >>> probe_positions(3, 12, numel=100)[:4]
    array([51, 70, 63, 75])
    """
    generator = np.random.default_rng([assignment_seed(peer, number), _STREAM])
    return generator.integers(numel, size=PROBED)


def make_probe(theta: Tensor, peer: int, number: int) -> bytes:
    """Return the probe of the flat `theta`: fp32, little-endian, in the order of `probe_positions`."""
    return theta.numpy()[probe_positions(peer, number, theta.numel())].astype(_WIRE).tobytes()


def read_probe(data: object) -> NDArray[np.float32] | None:
    """Return the values of a probe, None for anything that is no probe: another length, NaN or infinity.

    >>> read_probe(b"too short") is None
    True
    """
    if not isinstance(data, bytes) or len(data) != PROBED * _WIRE.itemsize:
        return None
    values = np.frombuffer(data, _WIRE).astype(np.float32)
    return values if np.isfinite(values).all() else None
