"""Intervals over seeds and the four words a paired comparison can end in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Word = Literal["beats", "matches", "trails", "inconclusive"]


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its interval and the number of values behind it."""

    mean: float
    low: float
    high: float
    n: int
    level: float = 0.95

    def inside(self, margin: float) -> bool:
        """Return whether the whole interval lies strictly between -margin and +margin."""
        return -margin < self.low and self.high < margin


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How arm `a` did against arm `b`: one word, the interval of the paired difference, the margin.

    `interval` is of a - b in the metric's own unit; `lower_is_better` says which side is good.
    """

    word: Word
    interval: Interval
    margin: float
    lower_is_better: bool = True

    @property
    def worst(self) -> float:
        """How much worse than `b` the interval still allows `a` to be (negative: surely better)."""
        return self.interval.high if self.lower_is_better else -self.interval.low

    @property
    def best(self) -> float:
        """How much better than `b` the interval still allows `a` to be (negative: surely worse)."""
        return -self.interval.low if self.lower_is_better else self.interval.high

    @property
    def beats(self) -> bool:
        """Whether the interval excludes 0 on the good side."""
        return self.worst < 0

    @property
    def trails(self) -> bool:
        """Whether the interval excludes 0 on the bad side."""
        return self.best < 0

    @property
    def matches(self) -> bool:
        """Whether the whole interval lies inside the margin."""
        return self.interval.inside(self.margin)


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the t interval of the mean of independent values, one per seed.

    Raises ValueError for fewer than two values, or a value that is not finite.

    >>> mean_interval([1.0, 2.0, 3.0])      # 2 -+ 4.303 * 1 / sqrt(3)
    Interval(mean=2.0, low=-0.484..., high=4.484..., n=3, level=0.95)
    """
    x = _sample(values, "mean_interval")
    return _t_interval(x, level)


def paired_interval(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """Return the t interval of the mean of a - b, where a[i] and b[i] share one seed.

    Raises ValueError for unequal lengths, fewer than two pairs, or a value that is not finite.

    >>> paired_interval([2.0, 3.0, 4.0], [1.0, 2.5, 2.5]).mean
    1.0
    """
    return _t_interval(_pairs(a, b)[0], level)


def compare(
    a: ArrayLike,
    b: ArrayLike,
    margin: float | Literal["baseline-sd"] = "baseline-sd",
    lower_is_better: bool = True,
    level: float = 0.95,
) -> Comparison:
    """Return how `a` did against the baseline `b`, seed by seed.

    The word, decided in this order: ``matches`` (the interval of the paired difference lies inside the
    margin written down before the run), ``beats`` (it excludes 0 on the good side), ``trails`` (on the bad
    side), else ``inconclusive``. A difference that was declared negligible beforehand is thus never
    announced as a win or a loss, however sure; `Comparison.beats`, `.matches` and `.trails` keep the three
    conditions apart. ``"baseline-sd"`` is one sample standard deviation of `b` over its seeds.

    >>> compare([2.0, 2.1, 2.2], [2.5, 2.6, 2.8], margin=0.1).word
    'beats'
    """
    difference, baseline = _pairs(a, b)
    width = float(np.std(baseline, ddof=1)) if margin == "baseline-sd" else float(margin)
    if not width >= 0:
        raise ValueError(f"the margin of a comparison is a number >= 0, got {margin!r}")
    result = Comparison("inconclusive", _t_interval(difference, level), width, lower_is_better)
    words: tuple[tuple[Word, bool], ...] = (
        ("matches", result.matches),
        ("beats", result.beats),
        ("trails", result.trails),
    )
    word = next((name for name, holds in words if holds), result.word)
    return dataclasses.replace(result, word=word)


def proportion_interval(part: int, whole: int, level: float = 0.95) -> Interval:
    """Return a share with Wilson's interval for independent cases.

    Raises ValueError unless 0 <= part <= whole and whole is positive.

    >>> proportion_interval(90, 90)
    Interval(mean=1.0, low=0.959..., high=1.0, n=90, level=0.95)
    """
    if not 0 <= part <= whole or whole < 1:
        raise ValueError(f"a share is a part of a positive whole, got {part} of {whole}")
    found = stats.binomtest(part, whole).proportion_ci(level, method="wilson")
    share = part / whole
    return Interval(share, min(float(found.low), share), max(float(found.high), share), whole, level)


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    level: float = 0.95,
    seed: int = 0,
    n_resamples: int = 9999,
) -> Interval:
    """Return the BCa bootstrap interval of `statistic` over questions or documents (not over seeds).

    Raises ValueError for fewer than two values. Values that are all equal give an interval of no width.

    >>> bootstrap_interval([0, 1, 1, 1, 0, 1, 1, 1]).mean
    0.75
    """
    x = _sample(values, "bootstrap_interval")
    point = float(statistic(x))
    if np.ptp(x) == 0:
        return Interval(point, point, point, len(x), level)
    found = stats.bootstrap(
        (x,), statistic, confidence_level=level, n_resamples=n_resamples, rng=np.random.default_rng(seed)
    ).confidence_interval
    return Interval(point, float(found.low), float(found.high), len(x), level)


def _t_interval(x: NDArray[np.float64], level: float) -> Interval:
    mean, error = float(np.mean(x)), float(stats.sem(x))
    half = float(stats.t.ppf((1 + level) / 2, len(x) - 1)) * error
    return Interval(mean, mean - half, mean + half, len(x), level)


def _sample(values: ArrayLike, name: str) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(f"{name} needs at least two values in one row (one per seed), got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} got a value that is not finite at index {int(np.argmin(np.isfinite(x)))}")
    return x


def _pairs(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (a - b, b) after checking that the two arms have one value per seed each."""
    if np.shape(a) != np.shape(b):
        raise ValueError(
            f"paired arms need one value per seed each, in the same order; got {_length(a)} and {_length(b)}"
        )
    x, y = _sample(a, "a paired interval"), _sample(b, "a paired interval")
    return x - y, y


def _length(values: ArrayLike) -> str:
    return f"{len(values)} values" if isinstance(values, Sequence | np.ndarray) else "one value"
