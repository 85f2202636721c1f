"""A peer as a process of its own: ``python -m locolab peer``."""

from __future__ import annotations

import importlib
import os
import threading
import time
from pathlib import Path

from locolab import provenance
from locolab.config import ConfigError
from locolab.network import Bucket, BucketError
from locolab.report import session
from locolab.run.engines.board import Board
from locolab.run.engines.processes import READY
from locolab.run.engines.worker import Worker
from locolab.train.runs import ROOMS

PAUSE = 0.03
"""Seconds between two looks into the bucket: shorter ones keep its server busy with nothing but looks."""
PATIENCE = 3600.0
"""Seconds without an answer of the bucket after which a peer gives up."""


def take_part(url: str, index: int, folder: Path | None, supervised: bool = False) -> int:
    """Return 0 when the run in the bucket is finished; waits for it to be announced.

    `supervised` begins with the first line of standard input and ends this process as soon as that closes,
    hence with whoever started it.
    """
    session.go_offline()
    if supervised:
        importlib.import_module("torch._dynamo")  # a first optimiser would, for more than a second
        provenance.code_hash(ROOMS)  # kept for the check that the run is of the same code
        os.write(1, READY)
        os.read(0, 4096)
        threading.Thread(target=_end_with_input, daemon=True).start()
    bucket = Bucket(url, patience=PATIENCE)
    threads = _announced(bucket, index)
    session.seed_everything(0, threads)
    Worker(bucket, index, folder).run(PAUSE)
    return 0


def _announced(bucket: Bucket, index: int) -> int:
    """Return the threads a peer of the run computes with, once there is a run to start from."""
    board = Board(bucket)
    end = time.monotonic() + PATIENCE
    while not board.states():
        if time.monotonic() > end:
            raise BucketError(f"no run was announced in {bucket.url}; start its coordinator")
        time.sleep(PAUSE)
    spec = board.spec()
    if not 0 <= index < spec.n_peers:
        raise ConfigError(f"this run has the peers 0 to {spec.n_peers - 1}, not {index}")
    return spec.threads


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
