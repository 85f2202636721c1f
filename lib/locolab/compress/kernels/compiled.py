"""How the CPU kernels are compiled: by numba, when first called, kept on disk.

Compiled code lies in `__pycache__` beside its module, else in the user's cache directory, or where
NUMBA_CACHE_DIR says; of processes that compile at the same time each replaces whole files. It is renewed when
the file of the function that Python calls changes, and only then: they call no compiled function of another.
Indices are unsigned: signed ones may count from an array's end, and testing for that keeps the compiler from
using vector instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Whole = Any  # an integer of compiled code, of any width
Shape = tuple[int, int, int, int]  # rows and columns of the tensor, height and width of a block
Function = TypeVar("Function", bound=Callable[..., object])

U = np.uint64


def jit(function: Function) -> Function:
    """Return the function compiled when first called; it runs beside other Python threads.

    Never with fast mathematics: each operation rounds by itself, as the contract of the backends asks.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        compiled: Function = njit(cache=True, **options)(function)
    except RuntimeError:  # no directory to keep it in can be written
        compiled = njit(**options)(function)
    return compiled
