"""`History`: what a joiner fetches to have everybody's theta: a checkpoint and the updates since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from locolab.train.outer import outer_for
from locolab.train.payload import Wire
from locolab.train.spec import TrainSpec

_THETA, _OUTER, _PAYLOAD = "theta", "outer.", "payload."


class History:
    """A checkpoint (theta and the outer optimiser) before some round, and the payloads applied from there on.

    Replaying them is the outer step itself, on the same bytes in the same order: the same theta, bit for
    bit. The public code has joiners do so from a checkpoint and one object per round that repeats all
    selected payloads (tplr-ai/templar v2.1.3, src/tplr/neurons.py).
    """

    def __init__(self, spec: TrainSpec, wire: Wire) -> None:
        self._spec = spec
        self._wire = wire
        self._start: dict[str, Tensor] = {}
        self._payloads: dict[int, list[bytes]] = {}

    def restart(self, theta: Tensor, outer: Mapping[str, Tensor]) -> None:
        """Begin again with a checkpoint; what came before nobody needs any more."""
        self._start = {_THETA: theta.clone()}
        self._start |= {f"{_OUTER}{name}": tensor.clone() for name, tensor in outer.items()}
        self._payloads = {}

    def add(self, number: int, payloads: Sequence[bytes]) -> None:
        """Add the payloads that round `number` applied, in the order in which it did."""
        self._payloads[number] = list(payloads)

    @property
    def n_bytes(self) -> int:
        """Bytes that a joiner fetches: the checkpoint's tensors and the payloads since."""
        checkpoint = sum(tensor.nbytes for tensor in self._start.values())
        return checkpoint + sum(len(payload) for round_ in self._payloads.values() for payload in round_)

    def replay(self) -> Tensor:
        """Return the theta that a joiner ends with."""
        parameter = Parameter(self._start[_THETA].clone())
        outer = outer_for(self._spec, parameter)
        if state := _below(_OUTER, self._start):
            outer.load_state({name: tensor.clone() for name, tensor in state.items()})
        for number, payloads in self._payloads.items():
            if payloads:
                updates = [self._wire.unpack(payload) for payload in payloads]
                outer.step(self._wire.combine(updates), number * self._spec.local_steps)
        return parameter.detach()

    def state(self) -> dict[str, Tensor]:
        """Return what has to survive a restart."""
        rounds = {
            f"{_PAYLOAD}{number:06d}.{place:04d}": torch.from_numpy(np.frombuffer(payload, np.uint8).copy())
            for number, payloads in self._payloads.items()
            for place, payload in enumerate(payloads)
        }
        return self._start | rounds

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state()` returned."""
        self._start = {name: tensor for name, tensor in state.items() if not name.startswith(_PAYLOAD)}
        self._payloads = {}
        for name, tensor in sorted(_below(_PAYLOAD, state).items()):
            self._payloads.setdefault(int(name.partition(".")[0]), []).append(tensor.numpy().tobytes())


def _below(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, by the rest of the name."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
