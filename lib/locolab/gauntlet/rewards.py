"""Reward weights: how final scores become shares of what the chain pays to a subnet's peers.

Two schemes. `paper` pays by the size of the score (arXiv 2505.21684: exponent 2 against splitting a peer into
several). `templar` pays by rank alone, as the public validator at v2.1.3 writes it (tplr-ai/templar,
neurons/validator.py): 20 peers that are aggregated, 10 in reserve, and a burned share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

Scheme = Literal["templar", "paper"]

GATHERED, RESERVES = 20, 10  # seats
GATHERED_SHARE = 0.75  # of what is not burned, before the cap on reserves
RESERVE_DECAY = 0.5  # each reserve's weight beside that of the one before it
CAP = 0.5  # the first reserve's weight beside the last gathered peer's, where it would exceed that


def reward_weights(
    scores: Mapping[int, float], scheme: Scheme = "templar", burn: float = 0.5
) -> dict[int, float]:
    """Return each peer's reward weight, in the order of `scores`; peers without a positive score get 0.0.

    `templar`: the best 20 share in a line from 2 down to 1, the next 10 halve from one to the next; ties go
    to the lower peer. The weights sum to 1 - `burn`; the burned share belongs to no peer. `paper`: the square
    of each score over the sum of the squares; nothing is burned.

    Raises ValueError for a score that is NaN (or infinite, under `paper`), an unknown scheme, or a burn
    outside 0..1.

    >>> reward_weights({7: 0.1, 8: 0.3, 9: -1.0})
    {7: 0.16666666666666666, 8: 0.3333333333333333, 9: 0.0}
    >>> reward_weights({7: 1.0, 8: 3.0, 9: -1.0}, scheme="paper")
    {7: 0.1, 8: 0.9, 9: 0.0}
    """
    for peer, score in scores.items():
        if math.isnan(score):
            raise ValueError(f"peer {peer} has the score NaN: leave it out or give it a number")
    if scheme not in _SCHEMES:
        raise ValueError(f"unknown scheme {scheme!r}: there is {', '.join(_SCHEMES)}")
    if not 0 <= burn <= 1:
        raise ValueError(f"burn = {burn}: give a share, 0 to 1")
    ranked = sorted((p for p, score in scores.items() if score > 0), key=lambda p: (-scores[p], p))
    weights = _SCHEMES[scheme]([scores[peer] for peer in ranked])
    kept = 1 - burn if scheme == "templar" else 1.0
    total = math.fsum(weights)
    paid = {peer: kept * weight / total for peer, weight in zip(ranked, weights, strict=False)}
    return {peer: paid.get(peer, 0.0) for peer in scores}


def owners_share(scores: Mapping[int, float], owner: int, names: int, scheme: Scheme = "templar") -> float:
    """Return the share of all that is paid which one owner gets, its score divided evenly over some names.

    `owner` is a peer of `scores`; its further names have numbers after all others. What a name costs, such as
    the chain's fee for registration, is not counted. Raises ValueError for fewer names than one.

    >>> equal = dict.fromkeys(range(6), 10.0)
    >>> [round(owners_share(equal, 0, names, "paper"), 3) for names in (1, 2, 4)]
    [0.167, 0.091, 0.048]
    """
    if names < 1:
        raise ValueError(f"{names} names: an owner has at least 1")
    others = range(max(scores) + 1, max(scores) + names)
    parts = dict.fromkeys((owner, *others), scores[owner] / names)
    weights = reward_weights({**scores, **parts}, scheme)
    return math.fsum(weights[name] for name in parts) / (math.fsum(weights.values()) or 1.0)


def _by_rank(scores: list[float]) -> list[float]:
    """Return weights of ranked peers by their rank; fewer than `scores` where seats run out."""
    last = max(min(len(scores), GATHERED) - 1, 1)
    line = [2 - rank / last for rank in range(min(len(scores), GATHERED))]
    gathered = [GATHERED_SHARE * weight / math.fsum(line) for weight in line]
    halves = [RESERVE_DECAY**rank for rank in range(min(len(scores) - len(line), RESERVES))]
    reserves = [(1 - GATHERED_SHARE) * weight / math.fsum(halves) for weight in halves]
    if reserves and reserves[0] > gathered[-1]:
        cap = CAP * gathered[-1] / reserves[0]
        reserves = [weight * cap for weight in reserves]
    return gathered + reserves


def _by_square(scores: list[float]) -> list[float]:
    """Return the squares of ranked scores, scaled by a power of two so that none overflows."""
    if any(map(math.isinf, scores)):
        raise ValueError("an infinite score has no share under the scheme 'paper': give finite scores")
    shift = -math.frexp(scores[0])[1] if scores else 0
    return [math.ldexp(score, shift) ** 2 for score in scores]


_SCHEMES: dict[str, Callable[[list[float]], list[float]]] = {"templar": _by_rank, "paper": _by_square}
