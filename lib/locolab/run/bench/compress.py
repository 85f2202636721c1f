"""Speed and memory of compression: each operation beside a public program's steps and the least pass."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import torch
from matplotlib.figure import Figure

from locolab.compress import kernels
from locolab.report.figures import speed
from locolab.run.bench import memory, workload
from locolab.run.bench.timing import Result, Timing, interleaved
from locolab.run.bench.workload import COPY, FLOOR, PUBLIC, Operation, Workload

Key = tuple[str, str]  # operation and method

FACTS = {
    "settings": "chunk 4096, k 64, 2 bits, quantizer magnitude; stand-in: its own codes, a byte each",
    "stand-in's encode and decode": "torch.save and torch.load; its aggregate unpacks the positions",
    PUBLIC: "steps of tplr-ai/templar v2.1.3 in torch; not a measurement of the authors' system",
    FLOOR: "compress: feedback.mul_(decay).add_(delta); aggregate: a dense tensor filled with zeros",
    "time_ms": "median; on one thread time on the processor, which a busy machine lengthens less",
    "vs_public": "time of the stand-in's operation over this one's; of encode and decode: of its compress",
    "vs_floor": "this time over the floor's",
    "GB_per_s": "fewest bytes any program must move (a parameter: compress 12, copy 8, aggregate 4) / time",
    "vs_copy": "GB_per_s over that of the copy",
    "extra_%": "peak of memory beyond inputs and dense results, as a share of the tensor; one thread",
}


def measure(
    sizes: Sequence[int] = (10**6, 10**7),
    threads: Sequence[int] | None = None,
    peers: Sequence[int] = (1, 4, 20, 64),
    repeats: int = 9,
    memory_size: int | None = 10**7,
) -> Result:
    """Return a row for every operation, method, size and number of threads, and a figure of them.

    `threads`: default one and all; `peers`: whose updates are aggregated; `memory_size`: elements of the
    tensor for which the peak of memory is taken, None for not at all. The operations of one size take
    turns, so that their ratios hold on a busy machine.
    """
    counts = tuple(dict.fromkeys(threads or (1, os.cpu_count() or 1)))
    extra = memory.of_operations(memory_size, peers) if memory_size else {}
    rows = [
        row for size in sizes for count in counts for row in _rows(size, count, peers, repeats, "cpu", extra)
    ]
    if torch.cuda.is_available():
        rows += [row for size in sizes for row in _rows(size, 1, peers, repeats, "cuda", {})]
    reasons = {f"without {name}": why for name in kernels.BACKENDS if (why := _absent(name))}
    return Result(rows, FACTS | reasons, figures(rows))


def measure_large() -> Result:
    """Return the same for 1e8 parameters, which takes about 6 GB of memory and some minutes.

    At this size a call also pays for pages that the one before it gave back to the system.
    """
    return measure(sizes=(10**8,), peers=(1, 20), repeats=3, memory_size=None)


def figures(rows: list[dict[str, Any]]) -> dict[str, Figure]:
    """Return figures of the largest size on the CPU: every operation, and aggregation against peers."""
    table = pd.DataFrame(rows)
    table = table[(table["device"] == "cpu") & (table["parameters"] == table["parameters"].max())]
    peers = pd.to_numeric(table["operation"].str.extract(r"aggregate, (\d+) peers")[0])
    shown = table[peers.isna() | (peers == _nearest(peers.dropna(), 20))]
    against = table.assign(peers=peers)[peers.notna() & (table["threads"] == table["threads"].max())]
    size = f"{table['parameters'].iloc[0]:,} parameters"
    return {
        "operations": speed.operations(shown, f"Time of each operation, {size}"),
        "aggregation": speed.aggregation(against.astype({"peers": int}), f"Time of one aggregation, {size}"),
    }


def _nearest(values: pd.Series, wanted: int) -> float:
    return float(min(values, key=lambda value: abs(value - wanted)))


def _absent(backend: str) -> str | None:
    device = "cuda" if backend == "cuda" and torch.cuda.is_available() else "cpu"
    return workload.why_not(backend, torch.device(device))


def _rows(
    size: int,
    threads: int,
    peers: Sequence[int],
    repeats: int,
    device: str,
    extra: Mapping[Key, float],
) -> list[dict[str, Any]]:
    """Return the rows of one size on one device."""
    with _threads(threads):
        work = Workload(size, peers, device)
        operations = {(each.name, each.method): each for each in work.operations()}
        calls = {key: _finished(each, device) for key, each in operations.items()}
        alone = threads == 1 and device == "cpu"
        clock = time.process_time if alone else time.perf_counter
        timings = interleaved(calls, repeats, clock, settle=not alone)
    seconds = {key: timing.median for key, timing in timings.items()}
    copied = operations["compress", COPY].least_bytes / seconds["compress", COPY]
    return [
        {"device": device, "parameters": work.numel, "threads": threads}
        | _row(operations[key], timings[key], seconds)
        | {"vs_copy": operations[key].least_bytes / seconds[key] / copied, "extra_%": extra.get(key)}
        for key in operations
    ]


def _row(operation: Operation, timing: Timing, seconds: Mapping[Key, float]) -> dict[str, Any]:
    public = seconds.get((operation.name, PUBLIC), 0.0)
    if operation.name in ("encode", "decode"):
        public = seconds["compress", PUBLIC]
    floor = seconds.get((operation.name, FLOOR))
    return {
        "operation": operation.name,
        "method": operation.method,
        "time_ms": 1e3 * timing.median,
        "best_ms": 1e3 * min(timing.seconds),
        "spread": timing.spread,
        "vs_public": public / timing.median,
        "vs_floor": timing.median / floor if floor else None,
        "least_MB": operation.least_bytes / 1e6,
        "GB_per_s": operation.least_bytes / timing.median / 1e9,
    }


def _finished(operation: Operation, device: str) -> workload.Call:
    """Return the call, which then waits for the device: kernels start and return before they end."""
    if device == "cpu":
        return operation.call

    def call() -> None:
        operation.call()
        torch.cuda.synchronize()

    return call


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
