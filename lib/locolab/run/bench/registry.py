"""The parts that can be timed, by the name they have on the command line."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from locolab.run.bench.timing import Result

MODULES = {
    "codecs": "locolab.run.bench.codecs",
    "compress": "locolab.run.bench.compress",
    "economy": "locolab.run.bench.economy",
    "gauntlet": "locolab.run.bench.gauntlet",
    "peers": "locolab.run.bench.peers",
    "train": "locolab.run.bench.train",
}
"""Name -> module, whose `measure()` needs no argument; imported only when it runs."""


def entry(name: str, large: bool = False) -> Callable[[], Result]:
    """Return the `measure` of a part; with `large` its `measure_large`, where it has one.

    Raises KeyError for an unknown name.
    """
    module = importlib.import_module(MODULES[name])
    measure: Callable[[], Result] = module.measure
    return getattr(module, "measure_large", measure) if large else measure
