"""Chapter 08: every behaviour, alone, against seven defences, beside the clean run of the honest peers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from locolab.compress import CompressionSpec
from locolab.corpus import CorpusSpec
from locolab.gauntlet import MENDED, TEMPLAR, GauntletSpec, Limits
from locolab.gauntlet.behaviour import Behaviour
from locolab.gauntlet.behaviours import BEHAVIOURS
from locolab.report.records import arm_of
from locolab.run.experiments.experiment import Experiment, Results
from locolab.train import Arm, RunResult, TrainSpec

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

NUMBERS = re.compile(r"-?\d[\d.e+-]*")

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
    """Return one row per run and peer: what became of its submissions, and the run's final loss.

    Columns: defence, share, behaviour, seed, peer, misbehaves; aggregated: rounds from `JUDGED` on in which
    it was; judged: how many these are; out_since: the first round from which on it was never aggregated
    again, missing where it still was in the last; weight: mean reward weight over the judged rounds; reason:
    the most frequent one there, without its numbers; validation_loss in nats per token, missing where it is
    no number.
    """
    names = ("defence", "share", "behaviour")
    rows = [
        {**dict(zip(names, arm_of(label).split("|"), strict=True)), **row}
        for label, result in results.items()
        for row in _of_peers(result)
    ]
    return pd.DataFrame(rows).astype({"out_since": "Int64"})


def _of_peers(result: RunResult) -> list[dict[str, Any]]:
    rounds, last = result.rounds, result.rounds[-1].validation_loss
    verdicts = [row for row in result.verdicts() if row["round"] >= JUDGED]
    rows = []
    for peer in range(result.spec.n_peers):
        inside = [record.round for record in rounds if peer in record.selected]
        judged = [row for row in verdicts if row["peer"] == peer]
        reasons = pd.Series([NUMBERS.sub("...", row["reason"]) for row in judged if row["reason"]], dtype=str)
        out_since = inside[-1] + 1 if inside else 0
        rows.append(
            {
                "seed": result.spec.seed,
                "peer": peer,
                "misbehaves": peer >= HONEST,
                "aggregated": sum(number >= JUDGED for number in inside),
                "judged": len(rounds) - JUDGED,
                "out_since": out_since if out_since < len(rounds) else None,
                "weight": sum(row["weight"] for row in judged) / len(judged) if judged else None,
                "reason": None if reasons.empty else reasons.mode()[0],
                "validation_loss": last,
            }
        )
    return rows


EXPERIMENTS = {
    "adversaries": Experiment(
        "20 behaviours and a mixture, 25 and 40 % of the peers, seven defences, 0.1M parameters, 3 seeds",
        60,
        arms(),
        peers_table,
        SEEDS,
    ),
}
