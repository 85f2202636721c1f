"""Chapter 08: one owner behind several names, and a swarm that peers join and leave as in the run."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import pandas as pd

from locolab.gauntlet import MENDED, GauntletSpec, reward_weights
from locolab.gauntlet.behaviour import Behaviour
from locolab.gauntlet.churn import CONTRIBUTING, Churn
from locolab.gauntlet.first_come import FirstCome
from locolab.gauntlet.rewards import Scheme
from locolab.gauntlet.training import Lazy, sybils
from locolab.report.records import arm_of
from locolab.run.experiments.adversaries import DEFENCES, JUDGED, SEEDS, SPEC
from locolab.run.experiments.experiment import Experiment, Results
from locolab.train import Arm, RunResult

HONEST = 5
"""Peers beside the owner's names, numbers 0 to 4."""

RULES = ("templar", "full")
"""Of `adversaries.DEFENCES`."""

CASES = (("one", 1), ("steps", 2), ("steps", 4), ("parts", 4))
"""How an owner divides its work, see `names_of`, and over how many names."""

SCHEMES: tuple[Scheme, ...] = ("paper", "templar")

SCALE, ROUNDS = 0.4, 40
"""Of the run's seats and peers, and of how many rounds the churned runs have."""

CHURN = Churn.of_the_run(ROUNDS, SCALE)


def names_of(way: str, names: int) -> dict[int, Behaviour]:
    """Return the behaviours of one owner's names, the peers after the honest ones.

    Two ways to be `names` peers with the work of one. ``parts``: one training on what the first of them is
    assigned, and each name sends its part of the coordinates. ``steps``: each trains what it is assigned,
    for its share of the inner steps.

    >>> names_of("steps", 2)
    {5: Lazy(share=0.5), 6: Lazy(share=0.5)}
    """
    peers = tuple(range(HONEST, HONEST + names))
    return dict(sybils(peers)) if way == "parts" else {peer: Lazy(share=1 / names) for peer in peers}


def owners() -> dict[str, Arm]:
    """Return the runs with an owner by ``rules|way|names``; one name is an honest peer either way."""
    return {f"{rules}|{way}|{names}": _owner(rules, way, names) for rules in RULES for way, names in CASES}


def _owner(rules: str, way: str, names: int) -> Arm:
    clip, validator = DEFENCES[rules]
    behaviours = {} if names == 1 else names_of(way, names)
    return Arm(SPEC.replace(n_peers=HONEST + names, norm_clip=clip), validator, behaviours)


def owners_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per run and scheme of paying; the runs with one name stand there for both ways.

    Columns: rules, way, names, seed, scheme; owner_share: what the owner gets of all that is paid, mean over
    the rounds from `JUDGED` on; honest_share: what one honest peer gets on average; aggregated: the share of
    the names' submissions of these rounds that were; validation_loss in nats per token, at the end.
    """
    rows = []
    for label, result in results.items():
        rules, way, names = arm_of(label).split("|")
        paid = [
            {"scheme": scheme, **_paid(result, scheme), "validation_loss": result.rounds[-1].validation_loss}
            for scheme in SCHEMES
        ]
        rows += [
            {"rules": rules, "way": each, "names": int(names), "seed": result.spec.seed, **row}
            for each in (("parts", "steps") if way == "one" else (way,))
            for row in paid
        ]
    return pd.DataFrame(rows)


def _paid(result: RunResult, scheme: Scheme) -> dict[str, float]:
    """Return the shares under a scheme; who is paid how much changes nothing in training."""
    table = pd.DataFrame([row for row in result.verdicts() if row["round"] >= JUDGED])
    shares = []
    for _, rows in table.groupby("round"):
        weights = reward_weights(dict(zip(rows["peer"], rows["score"], strict=True)), scheme)
        total = sum(weights.values()) or 1.0
        shares.append(sum(weight for peer, weight in weights.items() if peer >= HONEST) / total)
    mean = fmean(shares)
    chosen = table.loc[table["peer"] >= HONEST, "selected"].mean()
    return {"owner_share": mean, "honest_share": (1 - mean) / HONEST, "aggregated": float(chosen)}


def arms() -> Mapping[str, Arm]:
    """Return the swarm of the mean size that nobody leaves, and the churned ones, by who gets the seats."""
    steady = SPEC.replace(
        n_peers=round(CONTRIBUTING * SCALE),
        rounds=ROUNDS,
        norm_clip="median_norm",
        evaluate_every=5,
        checkpoint_every=ROUNDS,
    )
    full = GauntletSpec(rules=MENDED.replace(seats=CHURN.cap, reserves=CHURN.cap // 2))
    return {
        "steady": Arm(steady),
        "first come": Arm(steady, FirstCome(CHURN.cap), churn=CHURN),
        "full": Arm(steady, full, churn=CHURN),
    }


def rounds_table(experiment: Experiment, results: Results) -> pd.DataFrame:
    """Return one row per run and round.

    Columns: arm, seed, round; live, submitting, contributing: numbers of peers; joined_bytes: what newcomers
    fetched; validation_loss in nats per token, missing where it was not measured.
    """
    return pd.DataFrame(
        [
            {"arm": arm_of(label), "seed": result.spec.seed, **row}
            for label, result in results.items()
            for row in _of_rounds(result)
        ]
    ).astype({"validation_loss": float})


def _of_rounds(result: RunResult) -> list[dict[str, Any]]:
    return [
        {
            "round": record.round,
            "live": len(record.live),
            "submitting": len(record.submitted),
            "contributing": len(record.selected),
            "joined_bytes": sum(record.joined.values()),
            "validation_loss": record.validation_loss,
        }
        for record in result.rounds
    ]


EXPERIMENTS = {
    "sybils": Experiment(
        "an owner with 1, 2 or 4 names beside 5 honest peers, under two sets of rules, 3 seeds",
        8,
        owners(),
        owners_table,
        SEEDS,
    ),
    "churn": Experiment(
        "peers who come and go as in the run, scaled to 8 seats, against a steady swarm, 40 rounds, 3 seeds",
        4,
        arms(),
        rounds_table,
        SEEDS,
    ),
}
