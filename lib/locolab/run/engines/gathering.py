"""How the loop meets peers that train elsewhere: as peers, a bucket and a validator, the values it takes."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from torch import Tensor

from locolab.corpus import Corpus
from locolab.network import Bucket, BucketError, key_of
from locolab.run.engines.board import Board, Report
from locolab.run.engines.engine import Engine
from locolab.train import FlatModel, Peer, Submissions, TrainSpec, Validator, Wire

PAUSE = 0.02
"""Seconds between two looks into the bucket."""

_T = TypeVar("_T")


class Received(Bucket):
    """A bucket as the coordinator sees it: payloads are fetched once, outages waited out, nothing is lost.

    What the loop puts was fetched from here before, and what it deletes is only forgotten: late peers may
    still need it. `wait` passes time while the bucket is away.
    """

    def __init__(self, bucket: Bucket, wait: Callable[[], object]) -> None:
        self.url = bucket.url
        self._bucket = bucket
        self._wait = wait
        self._kept: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> None:
        """Store `data`, unless it came from here."""
        if self._kept.get(key) is not data:
            self._patiently(lambda: self._bucket.put(key, data))

    def get(self, key: str) -> bytes:
        """Return the bytes under `key`; raises KeyError if there are none."""
        return self._kept[key] if key in self._kept else self._patiently(lambda: self._bucket.get(key))

    def fetch(self, key: str) -> bytes:
        """Return the bytes under `key` and keep them until the loop deletes them."""
        self._kept[key] = self.get(key)
        return self._kept[key]

    def size(self, key: str) -> int:
        """Return the number of bytes under `key`; raises KeyError."""
        return len(self._kept[key]) if key in self._kept else self._patiently(lambda: self._bucket.size(key))

    def modified(self, key: str) -> datetime.datetime:
        """Return when `key` was written; raises KeyError."""
        return self._patiently(lambda: self._bucket.modified(key))

    def list(self, prefix: str = "") -> list[str]:
        """Return the sorted keys below `prefix`."""
        return self._patiently(lambda: self._bucket.list(prefix))

    def delete(self, keys: Iterable[str]) -> None:
        """Forget what was fetched."""
        for key in keys:
            self._kept.pop(key, None)

    def _patiently(self, request: Callable[[], _T]) -> _T:
        while True:
            try:
                return request()
            except BucketError:
                self._wait()


class Gathering:
    """The upload window of every round: it ends when whoever takes part has delivered, or after `window` s.

    Those are the living peers that delivered in the round before or say that they are joining; at first all
    living ones, as they start up. A round that is closed already (the coordinator was away) is not waited
    for. `outcomes` says of the last round's peers: "ok", "late" (alive, nothing came in time) or "dead";
    `reports` holds what those that delivered say.
    """

    def __init__(
        self,
        board: Board,
        received: Received,
        engine: Engine,
        n_peers: int,
        window: float,
        clock: Callable[[], float] = time.monotonic,
        opened: Callable[[int], None] = lambda number: None,
    ) -> None:
        self.board = board
        self.outcomes: dict[int, str] = {}
        self._received = received
        self._engine = engine
        self._peers = range(n_peers)
        self._window = window
        self._clock = clock
        self._opened = opened
        self._number = -1
        self._expected = set(self._peers)
        self._payloads: dict[int, bytes] = {}
        self.reports: dict[int, Report] = {}

    def payload(self, number: int, peer: int) -> bytes | None:
        """Return what a peer delivered in a round, None if that is nothing; the first call waits for all."""
        if number != self._number:
            self._payloads, self.reports, self.outcomes = {}, {}, {}
            if self.board.selected(number) is None:
                self._opened(number)
                self._wait(number)
            else:
                self._look(number)
            self._number, self._expected = number, set(self._payloads)
        return self._payloads.get(peer)

    def _wait(self, number: int) -> None:
        """Fetch payloads as they come, until the window ends."""
        end, complete = self._clock() + self._window, False
        while not complete and self._clock() < end:
            alive = self._engine.poll(PAUSE)
            taking_part = alive & (self._expected | self._look(number))
            complete = taking_part <= self._payloads.keys() != set()
        self.outcomes = {
            peer: "ok" if peer in self._payloads else "late" if peer in alive else "dead"
            for peer in self._peers
        }

    def _look(self, number: int) -> set[int]:
        """Fetch what lies in the bucket since the last look and return who is joining."""
        came, joining = self.board.came(number, self._peers)
        for peer in came - self._payloads.keys():
            self.reports[peer] = self.board.reported(number, peer)
            self._payloads[peer] = self._received.fetch(key_of(number, peer))
        return joining


class RemotePeer(Peer):
    """A peer that trains elsewhere: its payload is what it has uploaded, its accounts what it reports."""

    def __init__(
        self,
        index: int,
        spec: TrainSpec,
        text: Corpus,
        model: FlatModel,
        wire: Wire,
        gathering: Gathering,
    ) -> None:
        super().__init__(index, spec, text, model, wire)
        self.feedback = {}
        self._gathering = gathering

    def round(self, theta: Tensor, number: int, step: int = 0) -> bytes | None:
        """Return what the peer uploaded in the window, None if that is nothing."""
        payload = self._gathering.payload(number, self.index)
        if payload is not None:
            report = self._gathering.reports[self.index]
            self.losses, self.tokens, self.resets = report.losses, report.tokens, report.resets
        return payload

    def probe(self, theta: Tensor, number: int) -> None:
        """Return nothing: it publishes its own, of the theta that it has."""

    def state(self) -> dict[str, Tensor]:
        """Return nothing: it keeps its own."""
        return {}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over nothing."""


class Closing(Validator):
    """A validator that writes down what another one selects, and keeps to what was written before."""

    def __init__(self, validator: Validator, board: Board) -> None:
        self.wants_probes = validator.wants_probes
        self._validator = validator
        self._board = board

    def review(self, round: Submissions) -> Sequence[int]:
        """Return the selected peers whose payloads can be decoded; from here on the round is closed.

        A round that was closed before is reviewed all the same: the validator remembers what it saw.
        """
        written = self._board.selected(round.number)
        chosen = [peer for peer in self._validator.review(round) if round.update(peer) is not None]
        self.last = self._validator.last
        if written is not None:
            return written
        self._board.select(round.number, chosen)
        return sorted(chosen)

    def state(self) -> dict[str, Tensor]:
        """Return what the validator has to remember."""
        return self._validator.state()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Let the validator remember."""
        self._validator.load_state(state)
