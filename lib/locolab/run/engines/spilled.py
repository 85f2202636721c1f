"""Peers whose memory lies on the disk while others train: many of them in one process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
from torch import Tensor

from locolab.corpus import Corpus
from locolab.files import write_atomic
from locolab.train import FlatModel, Peer, TrainSpec, Wire


class Spilled(Peer):
    """A peer that holds its moments and error feedback only during its own turn."""

    def __init__(
        self, index: int, spec: TrainSpec, text: Corpus, model: FlatModel, wire: Wire, folder: Path
    ) -> None:
        super().__init__(index, spec, text, model, wire)
        self._path = folder / f"peer-{index:04d}.safetensors"
        self._write()

    def round(self, theta: Tensor, number: int, step: int = 0) -> bytes | None:
        """Return this peer's payload, as `Peer` does, with its state read before and written after."""
        super().load_state(safetensors.torch.load_file(self._path))
        payload = super().round(theta, number, step)
        self._write()
        return payload

    def state(self) -> dict[str, Tensor]:
        """Return what lies on the disk."""
        return safetensors.torch.load_file(self._path)

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Put a state onto the disk."""
        super().load_state(state)
        self._write()

    def _write(self) -> None:
        write_atomic(self._path, safetensors.torch.save(super().state()))
        self.moments, self.feedback = {}, {}


def spilled(spec: TrainSpec, folder: Path) -> dict[int, Callable[..., Peer]]:
    """Return `behaviours` for a `Swarm` whose peers all keep their state in files of `folder`."""
    return dict.fromkeys(range(spec.n_peers), functools.partial(Spilled, folder=folder))
