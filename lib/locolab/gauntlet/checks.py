"""Fast checks: what a validator asks of every submission of a round before it spends a forward pass on it.

A check gives a `Verdict` a peer; none raises, whatever was submitted, and what one peer sends decides about
that peer alone, with two exceptions that are bounded: the median of the norms (half of the peers would have
to send outliers to move it beyond the others') and copies (only ever held against the later upload).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from locolab.compress import SparseUpdate
from locolab.config import Config, ConfigError
from locolab.gauntlet.overlap import copied, overlaps
from locolab.gauntlet.sync import steps_behind
from locolab.network import key_of, round_prefix
from locolab.train import Submissions
from locolab.train.probe import probe_positions, read_probe

CHECKS = ("present", "window", "content", "norm", "sync", "copy")
"""In the order in which they are made; the first that fails is a submission's reason."""


@dataclass(frozen=True)
class Verdict:
    """What one check says about one submission: `number` is what was measured, `reason` empty if it is ok."""

    peer: int
    check: str
    ok: bool
    reason: str
    number: float


@dataclass(frozen=True)
class Limits(Config):
    """Bounds of the fast checks.

    `window`: seconds in which uploads count; `nonfinite`: chunks that a sender may report as unusable;
    `norm_low`, `norm_high`: of a submission's norm over the round's median; `behind`: updates; `overlap`:
    share of positions. The lower norm is low: slow hardware in the first rounds, when learning rates still
    rise, sends a twentieth of what the others do; whether so little is worth anything the gains tell.
    70 seconds, 3 updates and 0.4 are the run's (tplr-ai/templar v2.1.3, hparams.json); it has no norm check.
    """

    window: float = 70.0
    nonfinite: int = 0
    norm_low: float = 0.01
    norm_high: float = 4.0
    behind: float = 3.0
    overlap: float = 0.4


def present(round: Submissions) -> list[Verdict]:
    """Return for every expected peer whether something lies under its key; nothing is fetched."""
    keys = set(round.bucket.list(round_prefix(round.number)))
    there = {peer: key_of(round.number, peer, round.step) in keys for peer in round.peers}
    return [
        _verdict(peer, "present", found, "nothing submitted", float(found)) for peer, found in there.items()
    ]


def in_window(round: Submissions, peers: Iterable[int], limits: Limits) -> list[Verdict]:
    """Return whether each upload came inside the window, by the bucket's clock, bounds included."""
    return [_in_window(peer, round.uploaded(peer), limits.window) for peer in peers]


def content(round: Submissions, peers: Iterable[int], limits: Limits) -> list[Verdict]:
    """Return whether each payload decodes (`PayloadError` is the only door) and is finite and not empty."""
    return [_content(round, peer, limits) for peer in peers]


def norm_ratios(norms: Mapping[int, float], limits: Limits) -> list[Verdict]:
    """Return whether each L2 norm is within bounds of the lower median of all.

    >>> [v.ok for v in norm_ratios({1: 2.0, 2: 3.0, 3: 900.0}, Limits())]
    [True, True, False]
    """
    middle = median_low(norms.values()) if norms else 1.0
    return [_norm(peer, norm / middle, limits) for peer, norm in norms.items()]


def in_sync(
    round: Submissions, peers: Iterable[int], history: Sequence[Tensor], limits: Limits
) -> list[Verdict]:
    """Return whether each peer started from the validator's parameters, or some updates behind them.

    `history` has the validator's flat theta of this round and of the rounds before, the newest first.
    """
    return [_in_sync(round, peer, history, limits) for peer in peers]


def copies(
    sets: Mapping[int, NDArray[np.int64]],
    before: Sequence[NDArray[np.int64]],
    uploaded: Mapping[int, float],
    limits: Limits,
) -> list[Verdict]:
    """Return whether each submission is its sender's own: not an earlier upload's positions.

    `sets` are this round's positions by peer, `before` those of the round before, whoever sent them: these
    are earlier than anything now, so that sending an old update again is a copy too.
    """
    times = [uploaded[peer] for peer in sets] + [-math.inf] * len(before)
    largest = copied(overlaps([*sets.values(), *before]), times)
    return [_copy(peer, number, limits) for peer, number in zip(sets, largest, strict=False)]


def total_norm(update: SparseUpdate) -> float:
    """Return the L2 norm of an update over all its tensors."""
    return math.hypot(*update.norms().values())


def _in_window(peer: int, seconds: float, window: float) -> Verdict:
    late = "before the upload window opened" if seconds < 0 else f"after the upload window of {window:g} s"
    return _verdict(peer, "window", 0 <= seconds <= window, f"uploaded {late}: at {seconds:.4g} s", seconds)


def _content(round: Submissions, peer: int, limits: Limits) -> Verdict:
    update = round.update(peer)
    if update is None:
        return _verdict(peer, "content", False, round.refused.get(peer, "payload refused"), 0.0)
    if not isinstance(update, SparseUpdate):
        raise ConfigError("the Gauntlet checks sparse updates: use method 'sparseloco'")
    broken, norm = update.nonfinite, total_norm(update)
    reason = f"{broken} chunks were not finite" if broken > limits.nonfinite else "every value is zero"
    return _verdict(peer, "content", broken <= limits.nonfinite and norm > 0, reason, norm)


def _norm(peer: int, ratio: float, limits: Limits) -> Verdict:
    reason = f"norm is {ratio:.3g} times the median"
    return _verdict(peer, "norm", limits.norm_low <= ratio <= limits.norm_high, reason, ratio)


def _in_sync(round: Submissions, peer: int, history: Sequence[Tensor], limits: Limits) -> Verdict:
    values = read_probe(round.probe(peer))
    if values is None:
        return _verdict(peer, "sync", False, "no readable probe of its parameters", math.inf)
    positions = probe_positions(peer, round.number, history[0].numel())
    behind = steps_behind(values, [theta.numpy()[positions] for theta in history])
    return _verdict(peer, "sync", behind <= limits.behind, f"{behind:.3g} updates behind", behind)


def _copy(peer: int, number: float, limits: Limits) -> Verdict:
    reason = f"{number:.0%} of its positions are an earlier upload's"
    return _verdict(peer, "copy", number < limits.overlap, reason, number)


def _verdict(peer: int, check: str, ok: bool, reason: str, number: float) -> Verdict:
    return Verdict(peer, check, ok, "" if ok else reason, number)
