"""`Replica`: theta as the recorded updates make it, on whichever machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor
from torch.nn import Parameter

from locolab.network import key_of, round_prefix
from locolab.network.timeline import Phase
from locolab.run.engines.board import Board, selected_key
from locolab.train import TrainSpec, Wire, reproducible
from locolab.train.outer import outer_for
from locolab.train.payload import Shapes

Timed = Callable[[Phase], AbstractContextManager[None]]
"""What measures a phase: called with its name, around the work."""


def digest(theta: Tensor) -> str:
    """Return the SHA-256 of a vector's bytes, in hex.

    >>> digest(Tensor([0.0])) == hashlib.sha256(bytes(4)).hexdigest()
    True
    """
    return hashlib.sha256(theta.numpy().tobytes()).hexdigest()


class Replica:
    """The shared parameters before round `number`: a shared state, then one recorded update after the other.

    It begins with the newest state; `load(0)` goes back to where the run began. Whoever holds the bucket gets
    the same bytes, a peer that comes late and a reader years after.
    """

    def __init__(self, spec: TrainSpec, board: Board, wire: Wire, shapes: Shapes) -> None:
        self.spec = spec
        self.board = board
        self.wire = wire
        numel = sum(shape.numel() for shape in shapes.values())
        self._parameter = Parameter(Tensor(numel))
        self._ahead: dict[str, bytes] = {}
        self.load(max(board.states()))

    @property
    def theta(self) -> Tensor:
        """The shared parameters as a flat vector."""
        return self._parameter.detach()

    def load(self, number: int) -> None:
        """Go to the shared state after `number` rounds; raises KeyError if there is none."""
        state = self.board.state(number)
        self._go_to(number)
        self.theta.copy_(state["theta"])
        self._outer = outer_for(self.spec, self._parameter)
        outer = {name.removeprefix("outer."): value for name, value in state.items() if "outer." in name}
        if outer:
            self._outer.load_state(outer)

    def hold(self, peer: int, payload: bytes) -> None:
        """Keep a payload of the open round that was uploaded from here: it need not come back."""
        self._ahead[key_of(self.number, peer)] = payload

    def closed(self, timed: Timed = lambda phase: nullcontext()) -> bool:
        """Return whether the round has its list, after fetching what was delivered in it until now.

        One listing says both. What is fetched early and then not selected was fetched for nothing, in time
        that would have been spent waiting.
        """
        keys = set(self.board.bucket.list(round_prefix(self.number)))
        payloads = {key_of(self.number, peer) for peer in range(self.spec.n_peers)}
        for key in sorted((keys & payloads) - self._ahead.keys()):
            with timed("download"):
                self._ahead[key] = self.board.bucket.get(key)
        return bool(keys & {selected_key(self.number)})

    def catch_up(self, timed: Timed = lambda phase: nullcontext()) -> int:
        """Return how many closed rounds lay ahead, after applying them, each once.

        Where payloads of the next one are gone already, it goes on from the newest shared state.
        """
        before = self.number
        while (chosen := self.board.selected(self.number)) is not None:
            try:
                with timed("download"):
                    payloads = [self._payload(key_of(self.number, peer)) for peer in chosen]
            except KeyError:
                if (newest := max(self.board.states())) <= self.number:
                    raise
                self.load(newest)
            else:
                self._apply(payloads, timed)
        return self.number - before

    def _payload(self, key: str) -> bytes:
        return self._ahead[key] if key in self._ahead else self.board.bucket.get(key)

    def _go_to(self, number: int) -> None:
        self.number = number
        self._ahead.clear()

    def _apply(self, payloads: list[bytes], timed: Timed) -> None:
        with reproducible(self.spec.threads):
            if payloads:
                with timed("aggregate"):
                    update = self.wire.combine([self.wire.unpack(each) for each in payloads])
                with timed("outer"):
                    self._outer.step(update, self.number * self.spec.local_steps)
        self._go_to(self.number + 1)
