"""Time and memory of a round with many peers in one process, their state in memory or on the disk."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from locolab import corpus
from locolab.compress import CompressionSpec
from locolab.run.bench.timing import Result
from locolab.run.engines import spilled
from locolab.train import Swarm, TrainSpec

COUNTS = (4, 16, 64, 256)


def measure(counts: tuple[int, ...] = COUNTS, preset: str = "nano", local_steps: int = 2) -> Result:
    """Return seconds of a round and the peak of memory for each number of peers, both ways.

    Every case has a process of its own: a peak of memory does not go down again.
    """
    rows = [
        _alone(TrainSpec(**_settings(preset, local_steps), n_peers=count), on_disk)
        for count in counts
        for on_disk in (False, True)
    ]
    facts = {"preset": preset, "local_steps": local_steps, "batch": 1, "threads": 1, "method": "sparseloco"}
    return Result(rows, facts)


def _settings(preset: str, local_steps: int) -> dict[str, Any]:
    compression = CompressionSpec(codec="packed")
    return {
        "method": "sparseloco",
        "preset": preset,
        "local_steps": local_steps,
        "batch": 1,
        "rounds": 2,
        "evaluate_every": 2,
        "evaluate_sequences": 16,
        "compression": compression,
    }


def _alone(spec: TrainSpec, on_disk: bool) -> dict[str, Any]:
    """Return the row of one case, measured in a new process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_row, spec, on_disk).result()


def _row(spec: TrainSpec, on_disk: bool) -> dict[str, Any]:
    text = corpus.load(spec.corpus)
    with tempfile.TemporaryDirectory() as folder:
        behaviours = spilled(spec, Path(folder)) if on_disk else None
        swarm = Swarm(spec, text, behaviours=behaviours)
        before = _peak_mib()
        swarm.round()
        began, computed = time.perf_counter(), time.process_time()
        record = swarm.round()
        seconds, computed = time.perf_counter() - began, time.process_time() - computed
    return {
        "peers": spec.n_peers,
        "state": "disk" if on_disk else "memory",
        "round_s": seconds,
        "cpu_s": computed,
        "peak_mib": _peak_mib(),
        "at_start_mib": before,
        "applied": len(record.selected),
    }


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
