"""The benchmark of compression at its smallest: what it compares, the stand-in's steps; no clock decides."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch

from locolab import compress
from locolab.compress import CompressionSpec
from locolab.report.figures import speed
from locolab.run.bench import compress as bench
from locolab.run.bench import eager, memory, registry, workload

PUBLIC_SPEC = CompressionSpec(quantizer="templar", codec="templar")


@pytest.fixture(scope="module")
def result():
    return bench.measure(sizes=(2 * 4096,), threads=(1,), peers=(1, 3), repeats=1, memory_size=None)


def test_every_operation_of_the_contract_stands_beside_the_stand_in(result):
    found = {(row["operation"], row["method"]) for row in result.rows}
    for operation in ("compress", "encode", "decode", "aggregate, 1 peers", "aggregate, 3 peers"):
        assert (operation, workload.PUBLIC) in found
    assert {
        ("compress", "reference"),
        ("compress", "floor"),
        ("encode", "entropy"),
        ("decode", "packed"),
    } <= found
    for row in result.rows:
        assert row["parameters"] == 2 * 4096
        assert row["time_ms"] >= row["best_ms"] >= 0
    assert set(result.figures) == {"operations", "aggregation"}


def test_ratios_follow_from_the_times(result):
    rows = {(row["operation"], row["method"]): row for row in result.rows}
    public, floor = rows["compress", workload.PUBLIC], rows["compress", workload.FLOOR]
    for method, row in ((key[1], row) for key, row in rows.items() if key[0] == "compress"):
        assert row["vs_public"] == pytest.approx(public["time_ms"] / row["time_ms"])
        assert row["vs_floor"] == pytest.approx(row["time_ms"] / floor["time_ms"])
        assert row["least_MB"] == (8 if method == workload.COPY else 12) * 2 * 4096 / 1e6
    coded = rows["encode", "entropy"]
    assert coded["vs_public"] == pytest.approx(public["time_ms"] / coded["time_ms"])


def test_a_backend_that_cannot_run_is_named_with_its_reason(result):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert "cuda" in result.facts["without cuda"]
    assert not any(row["method"] == "cuda" for row in result.rows)


def test_the_stand_in_sends_and_adds_what_the_public_rule_does():
    draw, messages, updates = torch.Generator().manual_seed(0), [], []
    for _ in range(3):
        delta, feedback = (torch.randn(128, 192, generator=draw) for _ in range(2))
        ours = {"w": feedback.clone()}
        updates.append(compress.compress({"w": delta}, ours, PUBLIC_SPEC))
        messages.append(eager.compress(delta, feedback, PUBLIC_SPEC.decay, PUBLIC_SPEC.k))
        torch.testing.assert_close(feedback, ours["w"], rtol=0, atol=1e-5)
    received = [eager.from_bytes(eager.to_bytes(message)) for message in messages]
    mean = compress.aggregate(updates, "contributor_mean", "median_norm")["w"]
    torch.testing.assert_close(eager.aggregate(received, mean.shape), mean, rtol=0, atol=1e-5)


def test_positions_packed_for_the_stand_in_are_those_of_the_update():
    work = workload.Workload(4096, (1,), "cpu")
    dense = eager.aggregate(work.messages, work.delta.shape)
    sent = np.flatnonzero(dense.numpy())
    np.testing.assert_array_equal(sent, work.updates[0].positions("w").numpy())


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel resets a process's peak only on Linux")
def test_peak_of_memory_counts_what_a_call_held_at_most():
    size = 64 << 20

    def call():
        held = np.ones(size, np.uint8)
        del held
        return np.ones(1024)

    assert 0.99 * size <= memory.peak_extra(call) <= 1.1 * size


def test_a_large_run_is_asked_for_by_name(monkeypatch):
    assert registry.entry("compress", large=True) is bench.measure_large
    assert registry.entry("compress") is bench.measure
    assert registry.entry("economy", large=True) is registry.entry("economy")


def test_a_figure_names_the_columns_it_misses():
    with pytest.raises(ValueError, match="lacks threads"):
        speed.operations(pd.DataFrame({"operation": ["encode"], "method": ["packed"], "time_ms": [1.0]}), "")
    with pytest.raises(ValueError, match="has no rows"):
        speed.aggregation(pd.DataFrame(columns=["method", "peers", "time_ms"]), "")
