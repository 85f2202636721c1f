"""Tables of chapter 10: the article's figures put through a pool, the chain's own tests, paths and panels."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from locolab import economy
from locolab.economy import RAO, ConstantProductPool, FullRangePool, validators
from locolab.economy.curve import buy, sell
from locolab.economy.yuma import YumaSettings
from locolab.report.ledger import Ledger
from locolab.report.printed import number_of

GAINS = {
    "Templar": "article.templar-444",
    "OMEGA Labs": "article.omega-440",
    "Level 114": "article.level-280",
    "BitQuant": "article.bitquant-230",
    "Targon": "article.targon-166",
}
"""The five published gains over 30 days: name -> row of the ledger."""

PANEL = {"honest 1": 250, "honest 2": 250, "honest 3": 200, "lazy": 150, "copying": 150}
"""Stakes of a panel of validators; the first word is the habit."""


def gains(ledger: Ledger) -> pd.DataFrame:
    """Return each published gain as name, percent, multiple, and inflow: what purchases alone bring in."""
    percent = [number_of(ledger[row].value) for row in GAINS.values()]
    table = pd.DataFrame({"name": list(GAINS), "percent": percent})
    table["multiple"] = 1 + table["percent"] / 100
    table["inflow"] = economy.inflow_share_for(table["multiple"])
    return table


def by_tao_move(table: pd.DataFrame, moves: Sequence[float]) -> pd.DataFrame:
    """Return the inflow of `gains` if they are in dollars and TAO itself moved by each of `moves`."""
    shown = pd.DataFrame({"gain, if in dollars": table["name"] + table["percent"].map(" +{:.0f} %".format)})
    for move in moves:
        shown[f"TAO itself {move:+.0%}"] = economy.inflow_share_for(table["multiple"] / (1 + move))
    return shown


def pool_tests() -> pd.DataFrame:
    """Return figures of the chain's own pool tests beside ours, in rao, with the tests' own tolerance.

    Tests of opentensor/subtensor: tests/staking{,2}.rs at v2.0.1, pallets/swap/src/pallet/tests.rs and
    tests/staking.rs at v3.3.13-393.
    """
    flat = ConstantProductPool(10 * RAO, 5 * RAO)
    small = ConstantProductPool(1000, 1000, minimum_rao=0)
    wide, deep = FullRangePool.open(10**12, 4 * 10**12), FullRangePool.open(150 * RAO, 100 * RAO)
    rows = [
        ("v2.0.1 stake_base_case", flat.buy(RAO)[1].received, 454_545_454, 0),
        ("v2.0.1 max_amount_add, limit 2", small.max_buy(2 * RAO), 1000, 0),
        ("v2.0.1 max_amount_add, limit 4", small.max_buy(4 * RAO), 3000, 0),
        ("v3.3.13 swap_basic, buy", wide.buy(1000)[1].received, 3990, 39),
        ("v3.3.13 swap_basic, sell", wide.sell(1000)[1].received, 250, 2),
        ("v3.3.13 swap_basic, buy", wide.buy(RAO // 2)[1].received, 2 * RAO, 2 * 10**7),
        ("v3.3.13 add_stake_limit", deep.buy(900 * RAO, 24 * RAO)[1].received, 75 * RAO, 75 * 10**6),
    ]
    table = pd.DataFrame(rows, columns=["test", "ours", "theirs", "tolerance"])
    return table.assign(missed=(table["ours"] - table["theirs"]).abs() > table["tolerance"])


def slippage(shares: Iterable[float]) -> pd.DataFrame:
    """Return side, share of the pool's side that a trade brings in, and how much worse than spot it is."""
    size = np.asarray(list(shares))
    bought, sold = buy(1.0, 1.0, size), sell(1.0, 1.0, size)
    worse = {"buying": bought.paid / bought.received - 1, "selling": 1 - sold.received / sold.paid}
    return pd.concat([pd.DataFrame({"share": size, "side": side, "worse": worse[side]}) for side in worse])


def caps(ratio: Iterable[float]) -> pd.DataFrame:
    """Return TAO per TAO in the pool at each ratio of alpha outside to inside, by three conventions."""
    outside = np.asarray(list(ratio))
    worth = economy.market_caps(1.0, 1.0, outside)
    return pd.DataFrame(
        {
            "ratio": outside,
            "price x all issued": worth.issued_tao,
            "price x outside": worth.outside_tao,
            "withdrawable": economy.liquidation_tao(1.0, 1.0, outside),
        }
    )


def tao_usd(ledger: Ledger) -> float:
    """Return dollars per TAO: the article's circulating market cap over its circulating supply."""
    return number_of(ledger["article.circulating-cap"].value) / number_of(
        ledger["article.circulating-supply"].value
    )


def implied_pool(ledger: Ledger, outside: Iterable[float]) -> pd.DataFrame:
    """Return what Templar's printed market cap and gain imply, for each assumed ratio of alpha outside.

    The market cap is read as price times the alpha outside the pool; purchases alone made the gain.
    """
    dollars = tao_usd(ledger)
    cap_tao = number_of(ledger["article.templar-market-cap"].value) / dollars
    kept = 1 / math.sqrt(1 + number_of(ledger[GAINS["Templar"]].value) / 100)
    table = pd.DataFrame({"outside": list(outside)})
    table["pool_tao"] = cap_tao / table["outside"]
    table["inflow_tao"] = table["pool_tao"] * (1 - kept)
    table["inflow_musd"] = table["inflow_tao"] * dollars / 1e6
    return table.assign(withdrawable=economy.withdrawable_share(table["outside"]))


def halvings(counts: Iterable[int]) -> pd.DataFrame:
    """Return TAO's halvings: count, day if every block issues all it may, TAO issued by then, a day after."""
    rows = []
    for count in counts:
        issued = economy.halving_threshold(count) / RAO
        rows.append((count, str(economy.halving_day(count)), round(issued), economy.tao_per_day(issued)))
    return pd.DataFrame(rows, columns=["halving", "day", "issued_tao", "tao_per_day"])


def issuance_paths(first: dt.date, last: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return issuance by quarter from `first` to `last`: of TAO, and of a subnet begun with dTAO from 0.

    The subnet's two lines: with all that may be put into its pool, and what participants get alone.
    """
    quarters = [day.date() for day in pd.date_range(first, last, freq="QS")]
    tao = pd.DataFrame({"date": quarters, "halving rule": [economy.tao_issuance(day) for day in quarters]})
    begin = economy.RELEASES[0].released
    later = [day for day in quarters if day >= begin]
    alpha = pd.DataFrame({"date": later})
    for label, injected in (("participants and pool, at most", 1.0), ("participants alone", 0.0)):
        path, at, since = [], 0.0, begin
        for day in later:
            at, since = economy.alpha_issuance(day, at, since, injected), day
            path.append(at)
        alpha[label] = path
    return tao, alpha


def panels(seeds: Iterable[int], epochs: int, miners: int = 16, settled: int = 10) -> pd.DataFrame:
    """Return dividends per stake by rule, habit and seed: means over the epochs from `settled` on."""
    rows = []
    kinds: dict[str, validators.Habit] = {"lazy": "lazy", "copying": "copying"}
    habits: dict[str, validators.Habit] = {name: kinds.get(name, "honest") for name in PANEL}
    for seed in seeds:
        quality = validators.drifting_quality(epochs, miners, seed)
        for rule, settings in {"Yuma 2": YumaSettings(), "Yuma 3": YumaSettings(yuma3=True)}.items():
            table = validators.judged(PANEL, habits, quality, seed, settings=settings)
            late = table[(table["epoch"] >= settled) & (table["habit"] != "miner")]
            mean = late.groupby("habit")["per_stake"].mean()
            rows += [(rule, habit, seed, mean[habit]) for habit in ("honest", "copying", "lazy")]
    return pd.DataFrame(rows, columns=["rule", "habit", "seed", "per_stake"])


def over_honest(table: pd.DataFrame, habit: str, rule: str = "Yuma 2") -> pd.Series[float]:
    """Return each panel's pay per stake of a habit over that of honest validators."""
    wide = table[table["rule"] == rule].pivot(index="seed", columns="habit", values="per_stake")
    return wide[habit] / wide["honest"]
