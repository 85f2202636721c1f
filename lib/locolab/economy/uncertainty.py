"""What a formula gives when its inputs are known to a range only: draws, one at a time, rank correlations.

Every input is a `Range` of positive factors, drawn so that its logarithm is uniform: halving is as likely as
doubling. A range says what we do not know, not how often something happens, so the spread of the results is
no probability of anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from locolab.economy.subnets import Array

Model = Callable[..., Any]


@dataclass(frozen=True)
class Range:
    """The range of one input, and where it is from; 0 < low <= high, else ValueError."""

    low: float
    high: float
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high < math.inf:
            raise ValueError(f"a range has 0 < low <= high, both finite; got {self.low} to {self.high}")

    @property
    def middle(self) -> float:
        """Return the geometric middle.

        >>> Range(0.5, 2.0, "assumed").middle
        1.0
        """
        return math.sqrt(self.low * self.high)


def draw(ranges: Mapping[str, Range], n: int, seed: int) -> dict[str, Array]:
    """Return `n` draws of each input, by name; the same seed gives the same draws.

    >>> draw({"a": Range(1.0, 10.0, "assumed")}, 2, seed=0)["a"].round(3).tolist()
    [4.335, 1.861]
    """
    if n < 1:
        raise ValueError(f"at least one draw is needed, got {n}")
    generator = np.random.default_rng(seed)
    return {
        name: np.exp(generator.uniform(math.log(each.low), math.log(each.high), n))
        for name, each in ranges.items()
    }


def one_at_a_time(model: Model, ranges: Mapping[str, Range]) -> pd.DataFrame:
    """Return what the model gives at both ends of each range, all other inputs in their middle.

    Columns: input, at_low, at_high; the widest first, by the factor between the two. The model takes the
    inputs by name and returns a number above zero.

    >>> one_at_a_time(lambda a, b: a / b, {"a": Range(1, 4, ""), "b": Range(1, 9, "")}).values.tolist()
    [['b', 2.0, 0.222...], ['a', 0.333..., 1.333...]]
    """
    middle = {name: each.middle for name, each in ranges.items()}
    rows = [
        (name, *(float(model(**{**middle, name: end})) for end in (each.low, each.high)))
        for name, each in ranges.items()
    ]
    frame = pd.DataFrame(rows, columns=["input", "at_low", "at_high"])
    factor = frame["at_high"] / frame["at_low"]
    narrowest_last = np.argsort(-np.abs(np.log(factor)), kind="stable")
    return frame.iloc[narrowest_last].reset_index(drop=True)


def rank_correlations(inputs: Mapping[str, Array], output: Array) -> dict[str, float]:
    """Return Spearman's rank correlation of each input with the output: 1 if they rise together, 0 unrelated.

    It is unmoved by how steep or bent the relation is, as long as it rises or falls throughout.

    >>> rank_correlations({"a": np.array([1.0, 2.0, 3.0])}, np.array([1.0, 10.0, 11.0]))
    {'a': 1.0}
    """
    return {name: float(stats.spearmanr(values, output).statistic) for name, values in inputs.items()}
