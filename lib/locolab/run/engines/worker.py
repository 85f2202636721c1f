"""`Worker`: a peer that knows a bucket and its own number, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch

from locolab import corpus
from locolab.corpus import Corpus
from locolab.files import write_atomic
from locolab.network import Bucket, KeyTaken, key_of
from locolab.network.timeline import Phase, Span
from locolab.run.engines.blank import blank
from locolab.run.engines.board import Board, Report
from locolab.run.engines.replica import Replica
from locolab.train import FlatModel, Peer, TrainSpec, reproducible, wire_for
from locolab.train.probe import make_probe, probe_key

_PAYLOAD = "payload"


class Worker:
    """A peer with its replica of theta: it applies what is closed, then trains and uploads for what is open.

    With a `folder` it keeps there what it would lose when killed: moments, error feedback, and the payload
    these belong to. It writes them before it uploads, so that what it remembers is always what it has sent.
    `text` and `model` may be shared by the workers of a process.
    """

    def __init__(
        self,
        bucket: Bucket,
        index: int,
        folder: Path | None = None,
        text: Corpus | None = None,
        model: FlatModel | None = None,
    ) -> None:
        self.index = index
        self.board = Board(bucket)
        self.spec: TrainSpec = self.board.spec()
        self._publishes_probes = self.board.wants_probes()
        model = model or blank(self.spec.model)
        wire = wire_for(self.spec, model.shapes)
        self.peer = Peer(index, self.spec, text or corpus.load(self.spec.corpus), model, wire)
        self.replica = Replica(self.spec, self.board, wire, model.shapes)
        self._path = folder / f"peer-{index:04d}.safetensors" if folder else None
        self._packed = -1  # the round that the payload is for
        self._payload = b""
        self._sent = -1
        self._spans: list[Span] = []
        self._waiting: float | None = None
        self._restore()

    @property
    def finished(self) -> bool:
        """Whether every round of the run is closed and applied."""
        return self.replica.number >= self.spec.rounds

    def advance(self) -> bool:
        """Return whether there was something to do, after doing it: apply what is closed, or take part.

        What fails on the way (BucketError) leaves the worker as it was: it is done again next time.
        """
        if self.finished:
            return False
        if self._sent >= self.replica.number and not self.replica.closed(self._timed):
            self._waiting = self._waiting or time.time()
            return False
        if self.replica.catch_up(self._timed):
            return True
        self._take_part(self.replica.number)
        return True

    def run(self, pause: float) -> None:
        """Work until the run is finished, looking for news every `pause` seconds."""
        while not self.finished:
            if not self.advance():
                time.sleep(pause)

    def _take_part(self, number: int) -> None:
        if self._sent < number - 1:  # if this round closes too early for it, the next one should wait
            self.board.join(number, self.index)
            self.board.join(number + 1, self.index)
        if self._packed < number:
            with reproducible(self.spec.threads):
                with self._timed("compute"):
                    delta = self.peer.train(self.replica.theta, number)
                with self._timed("compress"):
                    self._payload = self.peer.pack(delta, number)
            self._packed = number
            self._save()
        peer, self._spans, spans = self.peer, [], self._spans
        self.board.report(number, self.index, Report(peer.losses, peer.tokens, peer.resets, spans))
        if self._publishes_probes:
            probe = make_probe(self.replica.theta, self.index, number)
            with suppress(KeyTaken):
                self.board.bucket.put(probe_key(number, self.index), probe)
        with self._timed("upload"), suppress(KeyTaken):  # before it was killed it got as far as this
            self.board.bucket.put(key_of(number, self.index), self._payload)
            self.replica.hold(self.index, self._payload)
        self._sent = number

    def _save(self) -> None:
        if self._path is None:
            return
        payload = torch.from_numpy(np.frombuffer(self._payload, np.uint8).copy())
        facts = {"round": self._packed, "losses": self.peer.losses, "tokens": self.peer.tokens}
        tensors = {_PAYLOAD: payload, **self.peer.state()}
        write_atomic(self._path, safetensors.torch.save(tensors, {"facts": json.dumps(facts)}))

    def _restore(self) -> None:
        """Take over what an earlier life has left in the folder."""
        if self._path is None or not self._path.exists():
            return
        with safetensors.safe_open(self._path, "pt") as file:
            facts = json.loads(file.metadata()["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self._payload = tensors.pop(_PAYLOAD).numpy().tobytes()
        self._packed = facts["round"]
        self.peer.losses, self.peer.tokens = facts["losses"], facts["tokens"]
        self.peer.load_state(tensors)

    @contextmanager
    def _timed(self, phase: Phase) -> Iterator[None]:
        start = time.time()
        if self._waiting:
            self._spans.append(Span(self.index, "wait", self._waiting, start))
            self._waiting = None
        yield
        self._spans.append(Span(self.index, phase, start, time.time()))
