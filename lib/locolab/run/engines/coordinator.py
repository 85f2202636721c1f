"""`Coordinator`: the loop over peers that train elsewhere, and the only writer of lists and shared states."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextlib import suppress

from torch import Tensor

from locolab import corpus
from locolab.corpus import Corpus
from locolab.network import Bucket, BucketError
from locolab.run.engines.board import Board
from locolab.run.engines.engine import Engine
from locolab.run.engines.gathering import PAUSE, Closing, Gathering, Received, RemotePeer
from locolab.train import RoundRecord, Swarm, TrainSpec, TrustingValidator, Validator

KEPT_STATES = 2
"""Shared states whose following rounds stay whole: a late peer starts from one of them."""


class Coordinator:
    """A `Swarm` whose peers an `engine` runs; all it needs to go on after a kill lies in the bucket.

    `window` is how long (s) a round waits for living peers. `opened(number)` is called when a round begins.
    `keep_all` leaves every payload in the bucket, so that the run can be replayed from its start.
    """

    def __init__(
        self,
        spec: TrainSpec,
        bucket: Bucket,
        engine: Engine,
        validator: Validator | None = None,
        window: float = 60.0,
        opened: Callable[[int], None] = lambda number: None,
        keep_all: bool = False,
        clock: Callable[[], float] = time.monotonic,
        text: Corpus | None = None,
    ) -> None:
        received = Received(bucket, lambda: engine.poll(PAUSE))
        self.board = Board(received)
        if validator and validator.wants_probes:
            self.board.ask_for_probes()
        self.board.announce(spec)
        self.gathering = Gathering(self.board, received, engine, spec.n_peers, window, clock, opened)
        remote = functools.partial(RemotePeer, gathering=self.gathering)
        self.swarm = Swarm(
            spec,
            text or corpus.load(spec.corpus),
            bucket=received,
            validator=Closing(validator or TrustingValidator(), self.board),
            behaviours=dict.fromkeys(range(spec.n_peers), remote),
        )
        self._owner = None if keep_all else Board(bucket)
        self._go_on()

    def round(self) -> RoundRecord:
        """Run the next round, publish its record and, where due, the shared state; return the record."""
        record = self.swarm.round()
        self.board.record(record)
        if self.swarm.number % self.swarm.spec.checkpoint_every == 0:
            self._publish()
        return record

    def run(self) -> list[RoundRecord]:
        """Run the rounds that are left and return the records of all."""
        while self.swarm.number < self.swarm.spec.rounds:
            self.round()
        return self.board.records()

    def _go_on(self) -> None:
        """Publish the parameters that the run begins with, or take over the newest shared state."""
        if not (states := self.board.states()):
            self._publish()
            return
        names = self.swarm.state().keys() - {"validator"}
        parts: dict[str, dict[str, Tensor]] = {name: {} for name in names}
        shared = {"swarm": self.board.state(states[-1]), "validator": self.board.remembered(states[-1])}
        self.swarm.load_state(parts | {name: part for name, part in shared.items() if part})

    def _publish(self) -> None:
        state = self.swarm.state()
        self.board.remember(self.swarm.number, state.get("validator", {}))
        self.board.save(self.swarm.number, state["swarm"])
        states = self.board.states()
        if self._owner and len(states) > KEPT_STATES:
            with suppress(BucketError):  # next time, then
                self._owner.prune(states[-KEPT_STATES])
