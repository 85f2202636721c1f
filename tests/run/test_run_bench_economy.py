"""The benchmark of the economy at its smallest: the table's form; no clock decides."""

from locolab.run.bench import economy


def test_a_row_for_every_simulation_and_epoch():
    result = economy.measure(subnets=3, blocks=50, uids=8, validators=3, repeats=1, epoch_repeats=1)
    assert [row["case"] for row in result.rows] == [
        "simulate, flows given",
        "simulate, stakers choose",
        "epoch, Yuma 2",
        "epoch, Yuma 3",
    ]
    assert [row["size"] for row in result.rows[1:3]] == ["3 subnets x 50 blocks", "8 uids x 3 validators"]
    assert all(row["time_ms"] > 0 and row["cpu_ms"] >= 0 for row in result.rows)
    assert result.facts["threads"] == 1
