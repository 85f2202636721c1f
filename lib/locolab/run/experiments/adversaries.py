"""Chapter 08: every behaviour, alone, against seven defences, beside the clean run of the honest peers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from locolab.compress import CompressionSpec
from locolab.corpus import CorpusSpec
from locolab.gauntlet import MENDED, TEMPLAR, GauntletSpec, Limits
from locolab.gauntlet.behaviour import Behaviour
from locolab.gauntlet.behaviours import BEHAVIOURS
from locolab.report import detection
from locolab.run.experiments.experiment import Experiment, Results
from locolab.train import Arm, TrainSpec

SEEDS = (0, 1, 2)
HONEST = 6
"""Honest peers of every run, numbers 0 to 5: the same six alone are the clean run."""

JOINING = {"25 %": 2, "40 %": 4}
"""How many misbehaving peers join them, by their share of all."""

JUDGED = 15
"""Detection is counted from this round on: ratings and averages have settled."""

SPEC = TrainSpec(
    method="sparseloco",
    preset="tiny",
    corpus=CorpusSpec(vocab_size=260),
    n_peers=HONEST,
    local_steps=10,
    rounds=30,
    batch=2,
    inner_lr=0.008,
    compression=CompressionSpec(chunk=1024, k=16, codec="packed"),
    evaluate_every=10,
    checkpoint_every=30,
)
"""The smallest model whose losses say something, at the shortest run in which seeds agree."""

MIXED = ("sign-flip", "exact copy", "noise", "three rounds behind")
"""Four of different kinds at once; of two misbehaving peers, the first two kinds."""

DEFENCES: Mapping[str, tuple[str | None, GauntletSpec | None]] = {
    "none": (None, None),
    "bounds": ("median_norm", None),
    "templar": ("median_norm", GauntletSpec(rules=TEMPLAR, source="pool")),
    "templar, checks exclude": (
        "median_norm",
        GauntletSpec(rules=TEMPLAR.replace(excluding=MENDED.excluding), source="pool"),
    ),
    "templar, fewer seats": (
        "median_norm",
        GauntletSpec(rules=TEMPLAR.replace(seats=HONEST, reserves=HONEST // 2), source="pool"),
    ),
    "full": ("median_norm", GauntletSpec()),
    "full, in step": ("median_norm", GauntletSpec(limits=Limits(behind=1.0))),
}
"""How norms are clipped, and who reviews: nobody, our model of the public rules, and our own rules.

The public rules have 20 seats and 10 reserves, so that nobody is outranked in a swarm of this size: once they
have as many seats as there are honest peers. In the last, a peer may be one update behind instead of three.
"""

SHARES = {name: ("25 %",) if name.startswith("templar") else tuple(JOINING) for name in DEFENCES}
"""The public rules are tried with a quarter of the peers misbehaving."""


def cast(behaviour: str, share: str) -> dict[int, Behaviour]:
    """Return who misbehaves how: the peers after the honest ones.

    >>> {peer: type(each).__name__ for peer, each in cast("zeros", "25 %").items()}
    {6: 'FreeRider', 7: 'FreeRider'}
    """
    names = MIXED if behaviour == "mixed" else (behaviour,)
    return {HONEST + place: BEHAVIOURS[names[place % len(names)]] for place in range(JOINING[share])}


def arm(defence: str, behaviours: Mapping[int, Behaviour], n_peers: int = HONEST) -> Arm:
    """Return a run under a defence."""
    clip, validator = DEFENCES[defence]
    return Arm(SPEC.replace(n_peers=n_peers, norm_clip=clip), validator, behaviours)


def arms() -> dict[str, Arm]:
    """Return every run by ``defence|share|behaviour``; the clean runs misbehave nobody."""
    runs = {f"{defence}|0 %|clean": arm(defence, {}) for defence in DEFENCES}
    for behaviour in (*BEHAVIOURS, "mixed"):
        for defence, shares in SHARES.items():
            for share in shares:
                name = f"{defence}|{share}|{behaviour}"
                if defence != "full, in step" or behaviour in ("three rounds behind", "mixed"):
                    runs[name] = arm(defence, cast(behaviour, share), HONEST + JOINING[share])
    return runs


def peers_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per run and peer, see `detection.peers_table`."""
    return detection.peers_table(results, HONEST, JUDGED)


EXPERIMENTS = {
    "adversaries": Experiment(
        "20 behaviours and a mixture, 25 and 40 % of the peers, seven defences, 0.1M parameters, 3 seeds",
        60,
        arms(),
        peers_table,
        SEEDS,
    ),
}
