"""Recordings survive a round trip as the same bytes, and say how to make the ones that are missing."""

import pandas as pd
import pytest

from locolab.report import recorded

FRAME = pd.DataFrame({"arm": ["a", "b"], "seed": [0, 1], "loss": [1 / 3, 2.5]}, index=[7, 9])
STAMP = {"command": "python -m locolab record demo", "commit": "abc", "device": "a cpu", "date": "2026-01-01"}


def test_round_trip_is_the_same_bytes(tmp_path):
    found = []
    for _ in range(2):
        kept = recorded.save("demo", FRAME, STAMP, tmp_path)
        found.append([path.read_bytes() for path in sorted(tmp_path.iterdir())])
    assert found[0] == found[1]
    pd.testing.assert_frame_equal(kept.frame, FRAME.reset_index(drop=True))
    assert kept.card["rows"] == 2
    assert kept.card["commit"] == "abc"
    assert kept.label.startswith("recorded: demo (2026-01-01, a cpu, abc;")


def test_missing_names_the_command(tmp_path):
    with pytest.raises(recorded.MissingRecording, match="python -m locolab record demo --max-minutes"):
        recorded.load("demo", tmp_path)


def test_table_and_card_belong_together(tmp_path):
    recorded.save("demo", FRAME, STAMP, tmp_path)
    FRAME.head(1).to_parquet(tmp_path / "demo.parquet")
    with pytest.raises(ValueError, match="not the table its card describes"):
        recorded.load("demo", tmp_path)


def test_empty_table_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="no rows"):
        recorded.save("demo", FRAME.head(0), STAMP, tmp_path)
    assert not list(tmp_path.iterdir())
