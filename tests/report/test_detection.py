"""Excluded and misbehaving go together as counted by hand; losses pair with the clean run of their seed."""

from types import SimpleNamespace

import pandas as pd
import pytest

from locolab.report import detection
from locolab.report.statistics import proportion_interval


def run(seed, selected, loss, n_peers=3, verdicts=()):
    """Return a run of len(selected) rounds that aggregated these peers."""
    rounds = [
        SimpleNamespace(round=number, selected=list(peers), validation_loss=loss)
        for number, peers in enumerate(selected)
    ]
    return SimpleNamespace(
        spec=SimpleNamespace(seed=seed, n_peers=n_peers), rounds=rounds, verdicts=lambda: list(verdicts)
    )


def verdict(number, peer, reason="", weight=0.0):
    return {"round": number, "peer": peer, "reason": reason, "weight": weight}


SELECTED = [[0, 1, 2], [0, 1], [0, 1], [0]]
VERDICTS = [
    *(verdict(number, 0, weight=0.5) for number in range(4)),
    verdict(3, 1, "norm is 4.2 times the median"),
    *(verdict(number, 2, f"gains {number}.5e-3 of it") for number in range(1, 4)),
]


def table(**more):
    runs = {
        "none|0 %|clean seed 0": run(0, [[0, 1]] * 4, 3.0, n_peers=2),
        "none|0 %|clean seed 1": run(1, [[0, 1]] * 4, 3.5, n_peers=2),
        "full|33 %|noise seed 1": run(1, SELECTED, 3.75, verdicts=VERDICTS),
        "full|33 %|noise seed 0": run(0, SELECTED, 3.5, verdicts=VERDICTS),
    }
    return detection.peers_table(runs | more, honest=2, judged=2)


def test_a_peer_is_counted_from_the_judged_round_on_and_out_since_its_last_aggregated_one():
    rows = table().query("behaviour == 'noise' and seed == 0").set_index("peer")
    assert rows["misbehaves"].tolist() == [False, False, True]
    assert rows["aggregated"].tolist() == [2, 1, 0]
    assert set(rows["judged"]) == {2}
    assert rows["out_since"].tolist() == [pd.NA, 3, 1]
    assert rows["weight"].tolist() == [0.5, 0.0, 0.0]


def test_reasons_lose_their_numbers():
    reasons = table().query("behaviour == 'noise' and seed == 0")["reason"].tolist()
    assert reasons[1:] == ["norm is ... times the median", "gains ... of it"]
    assert pd.isna(reasons[0])


def test_a_peer_that_was_never_aggregated_is_out_since_round_0():
    silent = table(**{"full|33 %|zeros seed 0": run(0, [[0]] * 4, 3.0, n_peers=3)})
    assert silent.query("behaviour == 'zeros'")["out_since"].tolist() == [pd.NA, 0, 0]


def test_excess_is_over_the_clean_run_of_the_same_seed():
    runs = detection.runs_table(table()).set_index(["behaviour", "seed"])["excess"]
    assert runs["noise"].to_dict() == {0: 0.5, 1: 0.25}
    assert runs["clean"].to_dict() == {0: 0.0, 1: 0.0}


def test_seeds_without_a_clean_run_are_an_error():
    more = {"full|33 %|noise seed 2": run(2, SELECTED, 3.5, verdicts=VERDICTS)}
    with pytest.raises(ValueError, match="arms pair by seed"):
        detection.runs_table(table(**more))


def test_each_arm_is_compared_with_the_clean_one_by_its_seeds_sd():
    found = detection.against_clean(detection.runs_table(table())).iloc[0]
    assert (found["defence"], found["share"], found["behaviour"]) == ("full", "33 %", "noise")
    assert found["difference"] == pytest.approx(0.375)
    assert found["margin"] == pytest.approx(0.5 / 2**0.5)


def test_precision_recall_and_false_exclusions_by_hand():
    found = detection.detected(table()).set_index("behaviour").loc["noise"]
    # of two runs with two judged rounds: peer 2 is out in 4 of 4, peer 1 in 2, peer 0 in none
    assert found["recall"] == 1.0
    assert found["precision"] == pytest.approx(4 / 6)
    assert found["false"] == pytest.approx(2 / 8)
    assert found["recall_low"] == pytest.approx(proportion_interval(4, 4).low)
    assert found["rounds"] == 1
    assert found["pay"] == 0.0
    assert found["reason"] == "gains ... of it"


def test_where_nobody_is_excluded_or_added_nothing_is_made_up():
    found = detection.detected(table()).set_index("behaviour").loc["clean"]
    assert found[["recall", "precision", "rounds"]].isna().all()
    assert found["false"] == 0.0


def test_wilsons_interval_agrees_with_the_textbook():
    found = proportion_interval(8, 10)  # Agresti and Coull 1998: 0.49 to 0.94
    assert (round(found.low, 2), round(found.high, 2)) == (0.49, 0.94)


@pytest.mark.parametrize(("part", "whole"), [(1, 0), (3, 2), (-1, 5)])
def test_no_share_of_nothing(part, whole):
    with pytest.raises(ValueError, match="part of a positive whole"):
        proportion_interval(part, whole)
