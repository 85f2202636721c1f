"""Updates over the flat parameters: what scoring adds to theta and what the copy check compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locolab.compress import SparseUpdate


@dataclass(frozen=True, eq=False)
class FlatUpdate:
    """An update's positions in the vector of all parameters, int64 ascending, and its values, fp32."""

    positions: NDArray[np.int64]
    values: NDArray[np.float32]


def flat_update(update: SparseUpdate, factors: Mapping[str, np.float32] | None = None) -> FlatUpdate:
    """Return an update over all tensors one after the other, a tensor's values times its factor if given."""
    start, positions, values = 0, [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for name, shape in update.shapes.items():
        positions.append(update.positions(name).numpy() + start)
        own = update.values(name).numpy()
        values.append(own if factors is None else own * factors[name])
        start += shape.numel()
    return FlatUpdate(np.concatenate(positions), np.concatenate(values))
