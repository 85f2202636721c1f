"""The parts that can be timed, by the name they have on the command line."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from locolab.run.bench.timing import Result

MODULES = {
    "economy": "locolab.run.bench.economy",
    "peers": "locolab.run.bench.peers",
    "train": "locolab.run.bench.train",
}
"""Name -> module, whose `measure()` needs no argument; imported only when it runs."""


def entry(name: str) -> Callable[[], Result]:
    """Return the `measure` of a part. Raises KeyError for an unknown name."""
    measure: Callable[[], Result] = importlib.import_module(MODULES[name]).measure
    return measure
