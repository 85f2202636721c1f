"""The benchmark of training at its smallest: the table's form, and figures that no clock decides."""

import pytest

from locolab.run.bench import train


@pytest.fixture(scope="module")
def result():
    return train.measure(presets=("pico",), peers=(1, 3), batch=1, local_steps=1, repeats=1)


def test_a_row_for_every_loop_and_swarm(result):
    assert [row["case"] for row in result.rows] == ["plain loop", "plain loop, 4 batches", "R = 1", "R = 3"]
    assert all(row["model"] == "pico" and row["tokens_per_s"] > 0 for row in result.rows)
    assert result.rows[0]["ratio_plain"] == result.rows[1]["ratio_joined"] == 1
    assert result.facts["threads"] == 1


def test_shares_of_a_round_and_memory_of_a_peer(result):
    last, facts = result.rows[-1], result.facts
    for name in ("compress", "encode", "decode", "aggregate", "outer"):
        assert last[f"{name}_%"] >= 0
    of = "pico: memory of a further peer, "
    assert facts[f"{of}least bytes per parameter"] == 12
    assert facts[f"{of}bytes of tensors per parameter"] == pytest.approx(12, abs=0.01)  # and the step count
    assert f"{of}resident bytes per parameter" in facts
