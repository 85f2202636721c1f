"""Validators of four habits: who is paid, from which part of the stake on a coalition decides, bad input."""

import numpy as np
import pytest

from locolab.economy.validators import deciding_validators, drifting_quality, favourites_share, judged
from locolab.economy.yuma import YumaSettings

PANEL = {"a": 300, "b": 300, "c": 200, "d": 200}
HABITS = {"a": "honest", "b": "honest", "c": "lazy", "d": "copying"}


def last(table):
    return table[table["epoch"] == table["epoch"].max()].set_index("name")


@pytest.mark.parametrize("yuma3", [False, True])
@pytest.mark.parametrize(("coalition", "incentive"), [(0.49, 0.0), (0.5, 0.5), (0.51, 1.0)])
def test_half_of_the_stake_decides_who_is_paid(coalition, incentive, yuma3):
    share, dividends = favourites_share(coalition, settings=YumaSettings(yuma3=yuma3))
    assert share == pytest.approx(incentive, abs=1e-4)
    assert dividends == pytest.approx(incentive, abs=1e-4)


def test_honest_panels_pay_miners_by_quality():
    quality = drifting_quality(4, 5, seed=1, drift=0.0)
    found = last(judged(PANEL, dict.fromkeys(PANEL, "honest"), quality, seed=1, error=0.0))
    shares = quality[-1] / quality[-1].sum()
    assert found["incentive"][4:].to_numpy() == pytest.approx(shares, abs=1e-4)
    assert found["per_stake"][:4].to_numpy() == pytest.approx(np.ones(4), abs=1e-3)
    assert found["per_stake"][4:].isna().all()


def test_a_copy_repeats_the_last_consensus():
    quality = np.array([[1.0, 3.0], [3.0, 1.0], [3.0, 1.0]])
    table = judged({"a": 60, "b": 40}, {"a": "honest", "b": "copying"}, quality, seed=0, error=0.0)
    trust = table[table["name"] == "b"]["validator_trust"].tolist()
    assert trust[1] < 0.8 < trust[2] == pytest.approx(1.0, abs=1e-3)  # late by one epoch


def test_dividends_sum_to_one_and_seeds_repeat():
    quality = drifting_quality(6, 8, seed=3)
    table, again = (judged(PANEL, HABITS, quality, seed=3) for _ in range(2))
    assert table.equals(again)
    assert table.groupby("epoch")["dividends"].sum().to_numpy() == pytest.approx(np.ones(6), abs=1e-6)
    assert set(table["habit"]) == {"honest", "lazy", "copying", "miner"}


def test_deciding_validators_follow_the_distribution():
    ranks = 1 / np.arange(1, 65)
    assert (deciding_validators(np.ones(64)), deciding_validators(ranks)) == (32, 6)
    assert deciding_validators(ranks[::-1]) == 6
    assert deciding_validators([1.0, 1.0], majority=1.0) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: judged({"a": 1}, {"a": "idle"}, [[1.0]], 0), "needs a habit, one of honest"),
        (lambda: judged({"a": 1}, {"b": "lazy"}, [[1.0]], 0), "needs a habit"),
        (lambda: judged({"a": 1}, {"a": "lazy"}, [[1.0]], 0, favourite=1), "there are the miners 0 to 0"),
        (lambda: judged({"a": 1}, {"a": "lazy"}, [[-1.0]], 0), "quality"),
        (lambda: favourites_share(1.0), "between 0 and 1"),
        (lambda: deciding_validators([0.0, 0.0]), "positive sum"),
        (lambda: drifting_quality(0, 1, 0), "from 1"),
    ],
)
def test_bad_input_says_what_to_give(make, message):
    with pytest.raises(ValueError, match=message):
        make()
