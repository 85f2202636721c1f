"""Who was kept out and what got through: runs with misbehaving peers as tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from locolab.report import records
from locolab.report.statistics import proportion_interval

if TYPE_CHECKING:
    from locolab.train import RunResult

RUN = ("defence", "share", "behaviour")
"""What a label names, in this order, with ``|`` between them; ``behaviour`` is that of the added peers."""

CLEAN = "none|0 %|clean"
"""The arm that everything is compared with: the honest peers alone, nobody reviewing."""

SLOW = ("slow, fixed window", "slow, fixed steps")
"""Behaviours that are no misbehaviour: who keeps them out has excluded honest peers."""

_NUMBERS = re.compile(r"-?\d[\d.e+-]*")


def peers_table(results: Mapping[str, RunResult], honest: int, judged: int) -> pd.DataFrame:
    """Return one row per run and peer: what became of its submissions, and the run's final loss.

    `results` go by labels ``defence|share|behaviour seed N``; peers from number `honest` on misbehave.
    Columns: defence, share, behaviour, seed, peer, misbehaves; aggregated: rounds from `judged` on in which
    it was; judged: how many these are; out_since: the first round from which on it was never aggregated
    again, missing where it still was in the last; weight: mean reward weight over the judged rounds; reason:
    the most frequent one there, without its numbers; validation_loss in nats per token, missing where it is
    no number.
    """
    rows = [
        {**dict(zip(RUN, records.arm_of(label).split("|"), strict=True)), **row}
        for label, result in results.items()
        for row in _of_peers(result, honest, judged)
    ]
    return pd.DataFrame(rows).astype({"out_since": "Int64"})


def _of_peers(result: RunResult, honest: int, judged: int) -> list[dict[str, Any]]:
    rounds, last = result.rounds, result.rounds[-1].validation_loss
    verdicts = [row for row in result.verdicts() if row["round"] >= judged]
    rows = []
    for peer in range(result.spec.n_peers):
        inside = [record.round for record in rounds if peer in record.selected]
        own = [row for row in verdicts if row["peer"] == peer]
        reasons = pd.Series([_NUMBERS.sub("...", row["reason"]) for row in own if row["reason"]], dtype=str)
        out_since = inside[-1] + 1 if inside else 0
        rows.append(
            {
                "seed": result.spec.seed,
                "peer": peer,
                "misbehaves": peer >= honest,
                "aggregated": sum(number >= judged for number in inside),
                "judged": len(rounds) - judged,
                "out_since": out_since if out_since < len(rounds) else None,
                "weight": sum(row["weight"] for row in own) / len(own) if own else None,
                "reason": None if reasons.empty else reasons.mode()[0],
                "validation_loss": last,
            }
        )
    return rows


def runs_table(peers: pd.DataFrame) -> pd.DataFrame:
    """Return one row per run of a `peers_table`: `RUN`, seed, validation_loss, arm, excess.

    `excess` is the final loss minus that of the `CLEAN` arm with the same seed, nats per token. Raises
    ValueError where the clean arm has other seeds than an arm.
    """
    runs = peers.groupby([*RUN, "seed"], sort=False)["validation_loss"].first().reset_index()
    runs["arm"] = runs[list(RUN)].agg("|".join, axis=1)
    gaps = records.gaps(runs, CLEAN).set_index(["arm", "seed"])["gap"].rename("excess")
    return runs.join(gaps, on=["arm", "seed"]).fillna({"excess": 0.0})


def against_clean(runs: pd.DataFrame) -> pd.DataFrame:
    """Return each arm of a `runs_table` against the clean one by the rule for paired seeds, `records.versus`.

    Columns: defence, share, behaviour, difference, low, high, n, margin (one seed sd of the clean run), word.
    """
    arms = [arm for arm in runs["arm"].unique() if arm != CLEAN]
    found = records.versus(runs, [(arm, CLEAN) for arm in arms])
    found[list(RUN)] = found["arm"].str.split("|", expand=True)
    return found[[*RUN, "difference", "low", "high", "n", "margin", "word"]]


def detected(peers: pd.DataFrame, by: tuple[str, ...] = RUN) -> pd.DataFrame:
    """Return one row per group of runs: how well exclusion and misbehaviour go together.

    It counts pairs of a peer and a judged round; a peer is excluded in a round in which its submission is not
    aggregated. recall: share of the added peers' pairs that are excluded; precision: share of the excluded
    pairs that are added peers', missing where nobody is excluded; false: share of the honest peers' pairs
    that are excluded; each with Wilson's 95 % bounds, ``_low`` and ``_high``. rounds: until half of the added
    peers are out for good, missing if they never are; pay: their mean reward weight over an equal share of
    all that is paid; reason: the most frequent.
    """
    rows = []
    for key, group in peers.groupby(list(by), sort=False):
        added, honest = group[group["misbehaves"]], group[~group["misbehaves"]]
        out = {name: _excluded(part) for name, part in (("added", added), ("honest", honest))}
        rows.append(
            {
                **dict(zip(by, key, strict=True)),
                **_share("recall", out["added"], int(added["judged"].sum())),
                **_share("precision", out["added"], out["added"] + out["honest"]),
                **_share("false", out["honest"], int(honest["judged"].sum())),
                "rounds": _half_out(added["out_since"]),
                "pay": _pay(group),
                "reason": next(iter(added["reason"].dropna().mode()), ""),
            }
        )
    return pd.DataFrame(rows).astype({"rounds": "Int64"})


def _excluded(peers: pd.DataFrame) -> int:
    return int((peers["judged"] - peers["aggregated"]).sum())


def _share(name: str, part: int, whole: int) -> dict[str, float | None]:
    """Return a share and its bounds, nothing known of an empty whole."""
    if not whole:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    found = proportion_interval(part, whole)
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


def _half_out(rounds: pd.Series) -> int | None:
    """Return the round after which at least half are out for good, None where fewer ever are.

    >>> _half_out(pd.Series([0, 4, 9, None], dtype="Int64")), _half_out(pd.Series([3, None, None]))
    (4, None)
    """
    known = sorted(rounds.dropna())
    needed = -(-len(rounds) // 2)
    return int(known[needed - 1]) if 0 < needed <= len(known) else None


def _pay(group: pd.DataFrame) -> float | None:
    """Return the added peers' mean weight over the mean of all; None where nobody is paid."""
    everybody = group["weight"].mean()
    return float(group.loc[group["misbehaves"], "weight"].mean() / everybody) if everybody > 0 else None
