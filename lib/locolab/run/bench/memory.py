"""Peak of memory of single calls, taken in a process of their own."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from locolab.run.bench.workload import Workload

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")
_M_MMAP_THRESHOLD = -3  # of mallopt


def of_operations(size: int, peers: Sequence[int]) -> dict[tuple[str, str], float]:
    """Return for (operation, method) the peak beyond inputs and dense results, in percent of the tensor.

    Empty where the kernel cannot reset a process's peak (anything but Linux).
    """
    if not RESET.exists():
        return {}
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, size, peers).result()


def _measured(size: int, peers: Sequence[int]) -> dict[tuple[str, str], float]:
    torch.set_num_threads(1)
    if sys.platform == "linux":
        # Freed blocks go back to the system at once, so that later calls do not reuse them unseen.
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 16)
    for operation in Workload(1, peers, "cpu").operations():
        operation.call()  # compiles kernels, loads libraries
    work = Workload(size, peers, "cpu")
    tensor = 4 * work.numel
    return {
        (each.name, each.method): 100 * (peak_extra(each.call) - each.dense_bytes) / tensor
        for each in work.operations()
    }


def peak_extra(call: Callable[[], object]) -> int:
    """Return by how many bytes the resident memory of this process rises at most while `call` runs; Linux."""
    gc.collect()
    RESET.write_text("5")  # the peak becomes what is resident now
    before = _resident("VmHWM")
    result = call()
    peak = _resident("VmHWM")
    del result
    return peak - before


def _resident(field: str) -> int:
    """Return a line of the process's status, in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])
