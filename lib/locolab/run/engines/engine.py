"""Who starts peers, watches them and ends them: an engine, of which nothing else knows the kind."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from locolab import corpus
from locolab.corpus import Corpus
from locolab.network import Bucket, BucketError
from locolab.run.engines.blank import blank
from locolab.run.engines.worker import Worker
from locolab.train import TrainSpec


class Engine(Protocol):
    """Places peers and supervises them; what they exchange goes through the bucket alone."""

    def start_peer(self, index: int) -> None:
        """Start a peer; one that ran before goes on from what it kept."""

    def poll(self, seconds: float) -> set[int]:
        """Let this much time pass and return the peers that are alive."""

    def stop(self, index: int | None = None) -> None:
        """End a peer at once, as kill -9 does, or all of them."""

    def resources(self) -> str:
        """Return in words where the peers run."""


class InProcess:
    """Workers of this process that take turns: no start-up, no parallelism, every fault reproducible.

    Each keeps its state in a file of `folder`; stopping one drops all it has in memory. `pace`, if given,
    says whether a peer gets its turn: one that often does not is on a slow machine or a slow link.
    """

    def __init__(
        self, bucket: Bucket, folder: Path, spec: TrainSpec, pace: Callable[[int], bool] = lambda index: True
    ) -> None:
        self._bucket = bucket
        self._folder = folder
        self._pace = pace
        self._text: Corpus = corpus.load(spec.corpus)
        self._model = blank(spec.model)
        self._workers: dict[int, Worker | None] = {}

    def start_peer(self, index: int) -> None:
        """Let a worker take part from now on; it is built at its first turn."""
        self._workers[index] = None

    def poll(self, seconds: float) -> set[int]:
        """Give every worker a turn; time passes while they work. A bucket that is away is tried next time."""
        for index in sorted(self._workers):
            if not self._pace(index):
                continue
            try:
                self._turn(index)
            except BucketError:
                time.sleep(0)
        return set(self._workers)

    def stop(self, index: int | None = None) -> None:
        """Forget one worker, or all."""
        for each in [index] if index is not None else list(self._workers):
            self._workers.pop(each, None)

    def resources(self) -> str:
        """Return in words where the peers run."""
        return f"{len(self._workers)} peers in this process, one after the other"

    def _turn(self, index: int) -> None:
        worker = self._workers[index]
        if worker is None:
            worker = Worker(self._bucket, index, self._folder, self._text, self._model)
            self._workers[index] = worker
        worker.advance()
