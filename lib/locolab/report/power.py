"""How much a validator's numbers tell: orders that agree, evidence of a round, rounds until an average tells.

Evidence is drawn afterwards from what a `watch.Watch` noted: what a larger pool adds was not trained, and is
like any other text.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import signal, stats

from locolab.gauntlet import Ratings
from locolab.report.records import arm_of

if TYPE_CHECKING:
    from locolab.train import RunResult

PATHS = 4000
"""Simulated moving averages behind a quantile."""

Losses = NDArray[np.float64]


def verdicts(results: Mapping[str, RunResult], arm: str) -> pd.DataFrame:
    """Return the rows of the validators of an arm's runs, with a column seed; see `notebook.Run.train`."""
    rows = [
        {"seed": result.spec.seed, **row}
        for label, result in results.items()
        if arm_of(label) == arm
        for row in result.verdicts()
    ]
    return pd.DataFrame(rows)


def agreement(frame: pd.DataFrame, column: str, order: str) -> pd.Series:
    """Return by seed the mean rank correlation of `column` with `order`, over the rounds of `frame`.

    >>> rows = [(0, 0, 1.0, 10), (0, 0, 2.0, 20), (0, 1, 5.0, 10), (0, 1, 4.0, 20)]
    >>> agreement(pd.DataFrame(rows, columns=["seed", "round", "a", "b"]), "a", "b").tolist()
    [0.0]
    """
    found = frame.groupby(["seed", "round"])[[column, order]].corr(method="spearman")
    return found[column].xs(order, level=-1).groupby("seed").mean()


def rating_means(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return the mean of each peer's rating after each round's match by `column`, for the rows of one seed.

    >>> rows = [(0, 1, 0.5), (0, 2, 0.1), (1, 1, 0.5), (1, 2, 0.1)]
    >>> rating_means(pd.DataFrame(rows, columns=["round", "peer", "gain"]), "gain").round(1).tolist()
    [27.3, 22.7, 29.1, 20.9]
    """
    ratings, found = Ratings(), {}
    for _, rows in frame.groupby("round"):
        ratings.update(dict(zip(rows["peer"], rows[column], strict=True)))
        found.update({at: ratings.state()[peer][0] for at, peer in rows["peer"].items()})
    return pd.Series(found)


def evidence(
    rows: Iterable[Mapping[str, Any]],
    shares: Sequence[float],
    sequences: Sequence[int],
    draws: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """Return share, sequences and p: how often the gain on assigned data exceeds that on random data.

    `rows` are of one seed, as `watch.Watch` notes them. A pool of which a `share` was trained is the trained
    windows and as many others as that takes; so many `sequences` of it are drawn without repeats, and as many
    random ones, `draws` times a row. Pools that hold fewer are left out. Raises ValueError where a row has
    fewer than two other windows for each sequence.
    """
    generator, found, kept = np.random.default_rng(seed), [], [_arrays(row) for row in rows]
    for share, n in itertools.product(shares, sequences):
        if any(round(own.shape[1] / share) < n for own, _ in kept):
            continue
        won = [_won(own, other, share, n, generator) for own, other in kept for _ in range(draws)]
        found.append((share, n, float(np.mean(won))))
    return pd.DataFrame(found, columns=["share", "sequences", "p"])


def _arrays(row: Mapping[str, Any]) -> tuple[Losses, Losses]:
    """Return losses before and after, [2, n], of the windows that were assigned and of the others."""
    own = np.array([row["own_before"], row["own_after"]])
    return own, np.array([row["other_before"], row["other_after"]])


def _won(own: Losses, other: Losses, share: float, n: int, generator: np.random.Generator) -> bool:
    """Return whether one draw has the larger relative loss drop on assigned data."""
    trained, pool = own.shape[1], round(own.shape[1] / share)
    if other.shape[1] < 2 * n:
        raise ValueError(f"{n} sequences need {2 * n} other windows, the rows have {other.shape[1]}")
    known = generator.hypergeometric(trained, pool - trained, n)
    mixed = generator.permutation(other.shape[1])
    assigned = own[:, generator.permutation(trained)[:known]].sum(axis=1)
    assigned += other[:, mixed[n + known : 2 * n]].sum(axis=1)
    random = other[:, mixed[:n]].sum(axis=1)
    return bool(assigned[1] / assigned[0] < random[1] / random[0])


def averages(p: float, rounds: int, alpha: float = 0.05, seed: int = 0) -> NDArray[np.float64]:
    """Return moving averages of assigned work, [PATHS, rounds]: every round is +1 with chance p, else -1.

    >>> bool(abs(averages(0.75, 200)[:, -1].mean() - 0.5) < 0.01)
    True
    """
    signs = np.where(np.random.default_rng(seed).random((PATHS, rounds)) < p, 1.0, -1.0)
    return np.asarray(signal.lfilter([alpha], [1, alpha - 1], signs, axis=1))


def separation(
    p: float, other: float = 0.5, alpha: float = 0.05, error: float = 0.05, rounds: int = 200
) -> NDArray[np.float64]:
    """Return by how much two peers' averages are apart after each round: what is negative overlaps.

    The low quantile (`error`) of a peer whose rounds are +1 with chance `p`, less the high one (1 - `error`)
    of a peer with chance `other`.

    >>> bool(separation(0.99)[-1] > 0 > separation(0.55)[-1])
    True
    """
    honest, control = averages(p, rounds, alpha), averages(other, rounds, alpha, seed=1)
    return np.asarray(np.quantile(honest, error, axis=0) - np.quantile(control, 1 - error, axis=0))


def rounds_to_tell(p: float, other: float = 0.5, alpha: float = 0.05, error: float = 0.05) -> float:
    """Return after how many rounds the averages of two peers are apart, infinite where they never are.

    >>> rounds_to_tell(0.99) < rounds_to_tell(0.8), rounds_to_tell(0.6)
    (True, inf)
    """
    apart = np.flatnonzero(separation(p, other, alpha, error) > 0)
    return float(apart[0] + 1) if len(apart) else math.inf


def rounds_by_counting(p: float, other: float = 0.5, error: float = 0.05) -> float:
    """Return how many rounds it takes if all of them count alike, nothing is forgotten; normal approximation.

    >>> round(rounds_by_counting(0.65))
    115
    """
    if p <= other:
        return math.inf
    spread = math.sqrt(p * (1 - p)) + math.sqrt(other * (1 - other))
    return float((stats.norm.ppf(1 - error) * spread / (p - other)) ** 2)
