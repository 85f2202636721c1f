"""Timing that a busy machine disturbs least: every case in turn, several times over, then medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from matplotlib.figure import Figure

Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True)
class Result:
    """What a part's benchmark found: a table, what holds for all of it (sizes, threads, settings), figures.

    Values are numbers, words or None; a column's name ends with its unit.
    """

    rows: list[dict[str, Any]]
    facts: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Timing:
    """Seconds that one case took, every repetition of it."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """The median: one disturbed repetition does not move it far."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """The slowest repetition over the fastest."""
        return max(self.seconds) / min(self.seconds)


def interleaved(
    cases: Mapping[Label, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
    settle: bool = False,
) -> dict[Label, Timing]:
    """Return the time of every case by label; each has run once before, unmeasured.

    The cases take turns, so what else the machine does slows all of them alike and their ratios hold.
    `clock` returns seconds; `time.process_time` is the steadier one for work of a single thread. With
    `settle` each measured call follows an unmeasured one of its own: torch's threads wait in a busy loop for
    some milliseconds after their work, on the cores that the next case needs.

    >>> list(interleaved({"a": lambda: sum(range(9)), "b": dict}, repeats=3))
    ['a', 'b']
    """
    if repeats < 1:
        raise ValueError(f"repeats should be at least 1, got {repeats}")
    for case in cases.values():
        case()
    seconds: dict[Label, list[float]] = {label: [] for label in cases}
    for _ in range(repeats):
        for label, case in cases.items():
            if settle:
                case()
            start = clock()
            case()
            seconds[label].append(clock() - start)
    return {label: Timing(each) for label, each in seconds.items()}
