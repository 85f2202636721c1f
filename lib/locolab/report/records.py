"""The ledger of bytes, tokens and seconds: finished trainings as tidy tables, arms paired by seed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from locolab.report.statistics import Comparison, compare

if TYPE_CHECKING:
    from locolab.train import Arm, RunResult, TrainSpec

Run = TypeVar("Run", "TrainSpec", "Arm")
_LABEL = re.compile(r"(?P<arm>.+) seed \d+")


def with_seeds(arms: Mapping[str, Run], seeds: Iterable[int]) -> dict[str, Run]:
    """Return every arm once per seed, labelled ``ARM seed N``, for `Run.train`."""
    return {
        f"{arm} seed {seed}": spec.replace(seed=seed) for seed in list(seeds) for arm, spec in arms.items()
    }


def tidy(results: Mapping[str, RunResult]) -> pd.DataFrame:
    """Return one row per arm, seed and round; no clocks, so the same runs give the same table.

    Columns: arm, those of `RunResult.frame` (method, seed, local_steps, round, tokens, losses in nats per
    token, payload_bytes, sent_bytes ...), and bytes_per_million_tokens: what a peer sent since the start,
    over the million tokens that all peers together trained on.
    """
    frames = [result.frame().assign(arm=arm_of(label)) for label, result in results.items()]
    table = pd.concat(frames, ignore_index=True)
    table["bytes_per_million_tokens"] = table["sent_bytes"] / (table["tokens"] / 1e6)
    return table[["arm", *(name for name in table.columns if name != "arm")]]


def seconds(results: Mapping[str, RunResult]) -> pd.DataFrame:
    """Return arm, seed and seconds of computing; never part of a deterministic table."""
    rows = [(arm_of(label), result.spec.seed, result.seconds) for label, result in results.items()]
    return pd.DataFrame(rows, columns=["arm", "seed", "seconds"])


def final(table: pd.DataFrame, column: str = "validation_loss") -> pd.DataFrame:
    """Return the last row of each arm and seed in which `column` was measured."""
    measured = table.dropna(subset=[column]).sort_values("round", kind="stable")
    return measured.groupby(["arm", "seed"], sort=False).tail(1).reset_index(drop=True)


def paired(
    table: pd.DataFrame, arm: str, baseline: str, column: str = "validation_loss"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the values of two arms, seed by seed, for `statistics.compare`.

    `table` has one row per arm and seed (see `final`). Raises ValueError where the arms' seeds differ.

    >>> rows = [("a", 0, 1.0), ("a", 1, 2.0), ("b", 1, 4.0), ("b", 0, 3.0)]
    >>> paired(pd.DataFrame(rows, columns=["arm", "seed", "loss"]), "a", "b", "loss")
    (array([1., 2.]), array([3., 4.]))
    """
    ours, theirs = (table[table["arm"] == name].set_index("seed")[column] for name in (arm, baseline))
    if ours.empty or set(ours.index) != set(theirs.index) or not ours.index.is_unique:
        raise ValueError(
            f"arms pair by seed: {arm!r} has seeds {sorted(ours.index)}, {baseline!r} {sorted(theirs.index)}"
        )
    order = sorted(ours.index)
    return ours.loc[order].to_numpy(np.float64), theirs.loc[order].to_numpy(np.float64)


def gaps(table: pd.DataFrame, baseline: str, column: str = "validation_loss") -> pd.DataFrame:
    """Return the other arms' rows with a column ``gap``: value minus the baseline's of the same seed."""
    arms = [arm for arm in table["arm"].unique() if arm != baseline]
    parts = []
    for arm in arms:
        ours, theirs = paired(table, arm, baseline, column)
        rows = table[table["arm"] == arm].sort_values("seed")
        parts.append(rows.assign(gap=ours - theirs))
    return pd.concat(parts, ignore_index=True)


def compared(table: pd.DataFrame, arm: str, baseline: str, column: str = "validation_loss") -> Comparison:
    """Return how an arm did against a baseline, seed by seed; lower values are better.

    `table` has one row per arm and seed (see `final`). The margin is one standard deviation of the baseline
    over its seeds.

    >>> rows = [("a", 0, 1.0), ("a", 1, 2.0), ("b", 0, 3.1), ("b", 1, 3.9)]
    >>> compared(pd.DataFrame(rows, columns=["arm", "seed", "loss"]), "a", "b", "loss").word
    'beats'
    """
    return compare(*paired(table, arm, baseline, column))


def versus(
    table: pd.DataFrame, pairs: Iterable[tuple[str, str]], column: str = "validation_loss"
) -> pd.DataFrame:
    """Return one row per pair of arms: the paired difference, its 95 % interval, n, the margin and the word.

    Each is `compared` with its baseline.

    >>> rows = [("a", 0, 1.0), ("a", 1, 2.0), ("b", 0, 3.1), ("b", 1, 3.9)]
    >>> table = pd.DataFrame(rows, columns=["arm", "seed", "loss"])
    >>> versus(table, [("a", "b")], "loss")[["arm", "baseline", "difference", "n", "word"]]
      arm baseline  difference  n   word
    0   a        b        -2.0  2  beats
    """
    rows = []
    for arm, baseline in pairs:
        found = compared(table, arm, baseline, column)
        interval = found.interval
        rows.append(
            {
                "arm": arm,
                "baseline": baseline,
                "difference": interval.mean,
                "low": interval.low,
                "high": interval.high,
                "n": interval.n,
                "margin": found.margin,
                "word": found.word,
            }
        )
    return pd.DataFrame(rows)


def visits(table: pd.DataFrame, parameters: int) -> pd.Series:
    """Return how often a coordinate was sent since the start, on average: rounds times density.

    `table` is `tidy`'s; `parameters` are those of the model. Methods that send everything visit every weight
    once an exchange.

    >>> rows = {"arm": "a", "seed": 0, "n_peers": 2, "kept_values": [32, 32, 32]}
    >>> visits(pd.DataFrame(rows), parameters=64).tolist()
    [0.25, 0.5, 0.75]
    """
    share = table["kept_values"] / table["n_peers"] / parameters
    return share.groupby([table["arm"], table["seed"]]).cumsum()


def arm_of(label: str) -> str:
    """Return the arm of a label.

    >>> arm_of("diloco_tuned H=15 seed 2"), arm_of("alone")
    ('diloco_tuned H=15', 'alone')
    """
    match = _LABEL.fullmatch(label)
    return match["arm"] if match else label
