"""A run of real processes in which things are taken away on purpose, and what became of it."""

from __future__ import annotations

import dataclasses
import itertools
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal
from unittest import mock

import pandas as pd
import torch
from torch import Tensor

from locolab.model import shapes
from locolab.network import Bucket
from locolab.network.door import Door
from locolab.network.local_s3 import LocalS3
from locolab.run.engines.board import Board
from locolab.run.engines.coordinator import Coordinator
from locolab.run.engines.gathering import PAUSE
from locolab.run.engines.processes import Processes
from locolab.run.engines.replica import Replica
from locolab.train import Peer, RoundRecord, TrainSpec, wire_for

MID_ROUND = 0.1
"""Seconds after a round has begun at which a peer is killed or the server goes."""


@dataclasses.dataclass(frozen=True)
class Event:
    """What happens while round `number` runs.

    ``kill`` ends peer `peer` as kill -9 does, ``start`` lets it (or its successor) take part; for `seconds`,
    ``server`` takes the way to the bucket's server away and ``coordinator`` the writer of lists and states.
    """

    number: int
    what: Literal["kill", "start", "server", "coordinator"]
    peer: int = -1
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Drilled:
    """A finished run: its records, when rounds began, who took part, what peers did when.

    `begins`, `happened` (one for each event) and `start` and `end` of `spans` (peer, phase, round, start,
    end) are seconds since round 0 began. `outcomes` is one mapping of peers to ok, late or dead for each
    round; `replayed` says whether theta equals the recorded updates applied once more, bit for bit;
    `closed_without` how many rounds were closed while the coordinator was away.
    """

    records: list[RoundRecord]
    begins: list[float]
    happened: list[float]
    outcomes: list[dict[int, str]]
    spans: pd.DataFrame
    replayed: bool
    closed_without: int

    def lengths(self) -> list[float]:
        """Return the seconds that every round but the first and the last took."""
        return [end - start for start, end in itertools.pairwise(self.begins)][1:]

    def computing(self) -> list[float]:
        """Return, for the same rounds, the seconds of the peer that computed longest."""
        spans = self.spans[self.spans["phase"] == "compute"]
        longest = (spans["end"] - spans["start"]).groupby(spans["round"]).max()
        return [float(longest.get(number, 0.0)) for number in range(1, len(self.begins) - 1)]


def drill(
    spec: TrainSpec,
    folder: Path,
    events: Sequence[Event] = (),
    late: Sequence[int] = (),
    window: float = 60.0,
    on_disk: bool = False,
) -> Drilled:
    """Return what became of a run of bare processes and a bucket, in which `events` happen.

    The bucket is an S3 server's, or, `on_disk`, a folder. Peers in `late` take part from their ``start`` on.
    Everything started here is ended here.
    """
    with ExitStack() as stack:
        door, url = None, f"file://{folder}/bucket"
        if not on_disk:
            server = stack.enter_context(LocalS3())
            door, url = stack.enter_context(Door(server.address)), server.url
            stack.enter_context(mock.patch.dict(os.environ, door.environment))
        engine = Processes(url, folder)
        stack.callback(engine.stop)
        return _Drill(spec, url, engine, door, events, late, window).run()


class _Drill:
    def __init__(
        self,
        spec: TrainSpec,
        url: str,
        engine: Processes,
        door: Door | None,
        events: Sequence[Event],
        late: Sequence[int],
        window: float,
    ) -> None:
        self._spec, self._url, self._engine, self._door = spec, url, engine, door
        self._events = events
        self._late = late
        self._window = window
        self._begins: dict[int, float] = {}
        self._happened: dict[Event, float] = {}
        self._closed_without = 0
        self._timers: list[threading.Timer] = []

    def run(self) -> Drilled:
        """Return the finished run."""
        everybody = range(self._spec.n_peers)
        killed = [event.peer for event in self._events if event.what == "kill"]
        for index in (*everybody, *killed):
            self._engine.prepare(index)
        self._engine.settle()
        for index in sorted(set(everybody) - set(self._late)):
            self._engine.start_peer(index)
        outcomes: dict[int, dict[int, str]] = {}
        away = {event.number: event for event in self._events if event.what == "coordinator"}
        leader = self._leader()
        while (number := leader.swarm.number) < self._spec.rounds:
            leader.round()
            outcomes.setdefault(number, leader.gathering.outcomes)  # one that comes back repeats some rounds
            if number in away:
                leader = self._away(away.pop(number))
        for timer in self._timers:
            timer.join()
        zero = self._begins[0]
        return Drilled(
            leader.board.records(),
            [self._begins[number] - zero for number in sorted(self._begins)],
            [self._happened[event] - zero for event in self._events],
            list(outcomes.values()),
            self._spans(leader, zero),
            self._replay(leader),
            self._closed_without,
        )

    def _leader(self) -> Coordinator:
        bucket = Bucket(self._url, patience=self._window)
        return Coordinator(
            self._spec, bucket, self._engine, window=self._window, opened=self._opened, keep_all=True
        )

    def _opened(self, number: int) -> None:
        """Note when a round began and let happen what should."""
        if number in self._begins:
            return
        self._begins[number] = time.time()
        for event in self._events:
            if event.number == number and event.what == "start":
                self._let_in(event)
            elif event.number == number and event.what != "coordinator":
                self._timers.append(threading.Timer(MID_ROUND, self._happen, [event]))
                self._timers[-1].start()

    def _let_in(self, event: Event) -> None:
        """Start a peer and hold the round until it says that it is joining: ours are shorter than a start."""
        self._happened[event] = time.time()
        self._engine.start_peer(event.peer)
        board, end = Board(Bucket(self._url, patience=self._window)), time.monotonic() + self._window
        while event.peer not in board.came(event.number, [event.peer])[1] and time.monotonic() < end:
            time.sleep(PAUSE)

    def _happen(self, event: Event) -> None:
        self._happened[event] = time.time()
        if event.what == "kill":
            self._engine.stop(event.peer)
        elif self._door:
            self._door.kill()
            time.sleep(event.seconds)
            self._door.open()

    def _away(self, event: Event) -> Coordinator:
        """Return another coordinator after a time without any."""
        self._happened[event] = time.time()
        time.sleep(event.seconds)
        leader = self._leader()
        self._closed_without += leader.board.selected(event.number + 1) is not None
        return leader

    def _spans(self, leader: Coordinator, zero: float) -> pd.DataFrame:
        rows = [
            {**dataclasses.asdict(span), "round": number}
            for number in range(self._spec.rounds)
            for report in leader.board.reports(number)
            for span in report.spans
        ]
        frame = pd.DataFrame(rows)
        frame["start"] -= zero
        frame["end"] -= zero
        return frame.sort_values(["peer", "start"], ignore_index=True)

    def _replay(self, leader: Coordinator) -> bool:
        names = shapes(self._spec.model)
        replica = Replica(self._spec, leader.board, wire_for(self._spec, names), names)
        replica.load(0)
        rounds = replica.catch_up()
        return rounds == self._spec.rounds and torch.equal(replica.theta, leader.swarm.theta)


class Absent(Peer):
    """A peer that is not there: what a late one is to a swarm in process."""

    def round(self, theta: Tensor, number: int, step: int = 0) -> bytes | None:
        """Return nothing."""
        return None


def lost_rounds(drilled: Drilled, others: Sequence[int]) -> int:
    """Return how many payloads of peers that nobody disturbed were not applied."""
    return sum(peer not in record.selected for record in drilled.records for peer in others)


def rounds_to_join(drilled: Drilled, started: Mapping[int, int]) -> dict[int, int]:
    """Return for each peer how many rounds passed from the one it was started in until it was selected."""
    took_part = {peer: [r.round for r in drilled.records if peer in r.selected] for peer in started}
    never = len(drilled.records)
    return {
        peer: min((n for n in took_part[peer] if n >= at), default=never) - at for peer, at in started.items()
    }
