"""The benchmark of a validator at its smallest: the table's form; no clock decides."""

import numpy as np

from locolab.gauntlet.overlap import overlaps
from locolab.run.bench import gauntlet


def test_a_row_for_training_for_scoring_and_for_overlap():
    result = gauntlet.measure("pico", peers=2, batch=1, local_steps=1, parameters=6400, repeats=1)
    assert [row["case"] for row in result.rows] == [
        "one peer's inner steps",
        "score 2 peers",
        "score a sample of 2",
        "overlap, 2 peers, 6,400 parameters",
        "overlap, 2 peers, 6,400 parameters, one a copy",
    ]
    assert all(row["time_ms"] > 0 for row in result.rows)
    scored = [row for row in result.rows if "of_training_%" in row]
    assert [row["case"] for row in scored] == ["score 2 peers", "score a sample of 2"]
    assert all(row["at_run_%"] < row["of_training_%"] for row in scored)


def test_drawn_positions_are_distinct_and_rarely_shared():
    draw = np.random.default_rng(0)
    sets = [gauntlet._positions(draw, 64_000) for _ in range(3)]
    assert all(len(each) == 1000 and (np.diff(each) > 0).all() for each in sets)
    assert 0 < overlaps(sets)[0, 1] < 0.1
