"""A validator's memory as tensors, so that it goes into a checkpoint and comes back bit for bit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locolab.gauntlet.scores import Standing

Rated = dict[int, tuple[float, float]]


@dataclass
class Memory:
    """What a validator carries from round to round, its ratings apart.

    `standings` by peer; `history`: flat theta of past rounds, the newest first; `before`: the positions that
    each peer sent in the round before.
    """

    standings: dict[int, Standing] = field(default_factory=dict)
    history: list[Tensor] = field(default_factory=list)
    before: dict[int, NDArray[np.int64]] = field(default_factory=dict)


def to_tensors(memory: Memory, rated: Rated) -> dict[str, Tensor]:
    """Return everything as named tensors: one float64 table of the peers, one tensor for each array."""
    rows = [
        [peer, *dataclasses.astuple(standing), *rated.get(peer, (math.nan, math.nan))]
        for peer, standing in memory.standings.items()
    ]
    width = 3 + len(dataclasses.fields(Standing))
    past = {f"theta.{age}": theta for age, theta in enumerate(memory.history)}
    before = {f"positions.{peer}": torch.from_numpy(array) for peer, array in memory.before.items()}
    return {"peers": torch.tensor(rows, dtype=torch.float64).reshape(-1, width), **past, **before}


def from_tensors(state: Mapping[str, Tensor]) -> tuple[Memory, Rated]:
    """Return what `to_tensors` was given."""
    memory, rated = Memory(), Rated()
    for peer, *values, mu, sigma in state["peers"].tolist():
        kinds = [type(value) for value in dataclasses.astuple(Standing())]
        memory.standings[int(peer)] = Standing(*(kind(v) for kind, v in zip(kinds, values, strict=True)))
        if not math.isnan(mu):
            rated[int(peer)] = (mu, sigma)
    memory.history = [
        state[f"theta.{age}"] for age in range(sum(name.startswith("theta.") for name in state))
    ]
    for name, tensor in state.items():
        if name.startswith("positions."):
            memory.before[int(name.removeprefix("positions."))] = tensor.numpy()
    return memory, rated
