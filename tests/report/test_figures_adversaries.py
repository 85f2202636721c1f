"""Rows by harm, a mark per behaviour and defence, a square per aggregated round."""

import pandas as pd
import pytest

from locolab.report.figures import adversaries

RUNS = pd.DataFrame(
    [
        {"defence": defence, "share": "25 %", "behaviour": behaviour, "seed": seed, "excess": harm * worth}
        for defence, worth in (("none", 1.0), ("full", 0.0))
        for behaviour, harm in (("zeros", 0.02), ("scaled x1000", 300.0))
        for seed in (0, 1)
    ]
)


def test_behaviours_go_by_undefended_harm():
    assert adversaries.by_harm(RUNS, "25 %") == ["scaled x1000", "zeros"]


def test_means_stand_at_their_excess():
    figure = adversaries.excess(RUNS, "A title", 0.01, ["scaled x1000", "zeros"])
    lines = {line.get_label(): sorted(line.get_xdata()) for line in figure.axes[0].lines}
    assert lines["no defence"] == [0.02, 300.0]
    assert lines["full Gauntlet"] == [0.0, 0.0]


def test_one_square_for_each_aggregated_round():
    rows = [
        {
            "behaviour": "noise",
            "round": number,
            "peer": peer,
            "misbehaves": peer == 1,
            "aggregated": peer == 0,
        }
        for number in range(3)
        for peer in range(2)
    ]
    figure = adversaries.rounds(pd.DataFrame(rows), "A title")
    assert len(figure.axes[0].patches) == 3


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="excess"):
        adversaries.excess(RUNS.drop(columns="excess"), "A title", 0.01, [])
