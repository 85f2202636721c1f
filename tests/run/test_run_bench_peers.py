"""The benchmark of many peers at its smallest: what a row says; no clock decides."""

import pytest

from locolab.run.bench import peers


@pytest.mark.timeout(120)
def test_a_row_for_memory_and_one_for_the_disk():
    result = peers.measure(counts=(1,), preset="pico", local_steps=1)
    assert [(row["peers"], row["state"], row["applied"]) for row in result.rows] == [
        (1, "memory", 1),
        (1, "disk", 1),
    ]
    for row in result.rows:
        assert row["round_s"] > 0
        assert 0 < row["at_start_mib"] <= row["peak_mib"]
    assert result.facts["preset"] == "pico"
    assert result.facts["threads"] == 1
