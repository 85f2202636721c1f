"""Attendance: what becomes of every peer in every round of a schedule, without any training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from locolab.gauntlet.churn import Churn
from locolab.train import Roster

STATES = ("contributing", "reserve", "cut", "silent")
"""Aggregated; usable, but no seat was left; sent a payload that cannot be used; sent nothing."""

_STREAM = 5  # keeps these draws apart from those of samples, probes, uploads, behaviours and schedules


def attendance(rosters: Sequence[Roster], cap: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return one row for each round and live peer: round, peer, state (of `STATES`).

    Seats go to those who send first; who that is, is drawn anew each round.

    >>> rosters = [Roster((0, 1, 2), arriving={0: 0.0, 1: 0.5})]
    >>> [row["state"] for row in attendance(rosters, cap=20)]
    ['silent', 'cut', 'contributing']
    """
    draw = np.random.default_rng([seed, _STREAM])
    return [
        {"round": number, "peer": peer, "state": state}
        for number, roster in enumerate(rosters)
        for peer, state in _states(roster, cap, draw)
    ]


def attendance_means(churn: Churn, rounds: int, seeds: Iterable[int]) -> list[dict[str, float]]:
    """Return one row for each run of a process: seed, means of a round, and different peers in all.

    Means: live, submitting and contributing peers.

    >>> row, = attendance_means(Churn.of_the_run(72), 72, [0])
    >>> row["contributing"] < row["submitting"] < row["live"], row["unique"] > 60
    (True, True)
    """
    return [_means(attendance(churn.rosters(rounds, seed), churn.cap, seed), rounds, seed) for seed in seeds]


def _means(rows: Sequence[dict[str, Any]], rounds: int, seed: int) -> dict[str, float]:
    count = Counter(row["state"] for row in rows)
    return {
        "seed": seed,
        "live": len(rows) / rounds,
        "submitting": (len(rows) - count["silent"]) / rounds,
        "contributing": count["contributing"] / rounds,
        "unique": len({row["peer"] for row in rows}),
    }


def _states(roster: Roster, cap: int, draw: np.random.Generator) -> list[tuple[int, str]]:
    usable = [peer for peer in roster.live if peer not in roster.arriving]
    seated = set(draw.permutation(usable)[:cap].tolist())
    states = {peer: "contributing" if peer in seated else "reserve" for peer in usable}
    states |= {peer: "cut" if share else "silent" for peer, share in roster.arriving.items()}
    return sorted(states.items())
