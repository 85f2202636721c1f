"""Costs add up to the encoded bytes; losses are those of a hand calculation; a replay is what was sent."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from locolab.compress import CompressionSpec, compress, encode, payload_size
from locolab.report import payloads

SPEC = CompressionSpec(chunk=64, k=8, codec="packed")
SHAPES = {"w": (40, 24), "b": (24,)}


def a_run(rounds=3, seed=0, **fields):
    draw = torch.Generator().manual_seed(seed)
    deltas = [{n: torch.randn(s, generator=draw) for n, s in SHAPES.items()} for _ in range(rounds)]
    spec = {"compression": SPEC, "selection": "magnitude", "keep_deltas": rounds, "seed": seed, **fields}
    return SimpleNamespace(spec=SimpleNamespace(**spec), deltas=lambda: deltas)


def test_costs_count_every_byte():
    frame = payloads.costs([a_run(), a_run(seed=1)])
    assert len(frame) == 2 * 3 * 4
    for codec, rows in frame.groupby("codec"):
        spec = SPEC.replace(quantizer="templar") if codec in ("templar", "ccloco") else SPEC
        if codec != "entropy":
            assert set(rows["bytes"]) == {payload_size(SHAPES, spec, codec)}
        assert np.allclose(rows[["positions", "values", "rest"]].sum(axis=1), rows["bits"])
        assert np.allclose(rows["ratio_fp32"], 2 * rows["ratio_bf16"])


def test_a_replay_is_what_the_run_sent():
    run = a_run()
    feedback = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    for sent, delta in zip(payloads.sent_by(run), run.deltas(), strict=True):
        assert encode(sent.update) == encode(compress(delta, feedback, SPEC))
        assert sent.under(SPEC) == sent.update


def test_losses_by_hand():
    values = torch.tensor([6.0, -2, 1, -5, 3, -1, 7, -3, 0])
    spec = CompressionSpec(chunk=9, k=8, bits=1)
    zero = {"w": torch.zeros(9)}
    exact = compress({"w": values}, dict(zero), spec.replace(quantizer="none"))
    one_bit = compress({"w": values}, {"w": torch.zeros(9)}, spec)  # every magnitude becomes 3.5
    found = payloads.loss(one_bit, exact)
    squares = sum((abs(v) - 3.5) ** 2 for v in values.tolist()[:8])
    assert found["error"] == pytest.approx((squares / 134) ** 0.5)
    assert found["wrong_signs"] == 0
    assert found["code_0"] == found["code_1"] == 0.5
    assert found["code_bits"] == 1


def test_exact_values_lose_nothing_and_more_bits_lose_less():
    arms = {"1": {"bits": 1}, "2": {"bits": 2}, "3": {"bits": 3}, "exact": {"quantizer": "none"}}
    frame = payloads.losses([a_run()], arms, rounds=(1, 3))
    assert sorted(frame["round"].unique()) == [1, 3]
    errors = frame.pivot(index="round", columns="quantiser", values="error")
    assert (errors["exact"] == 0).all()
    assert (errors["1"] > errors["2"]).all()
    assert (errors["2"] > errors["3"]).all()


def test_recoding_gives_what_compressing_gives():
    sent = next(payloads.sent_by(a_run(rounds=1)))
    exact = sent.under(SPEC.replace(quantizer="none"))
    for fields in payloads.QUANTISERS.values():
        spec = SPEC.replace(**fields)
        assert payloads.recoded(exact, spec) == sent.under(spec)
    with pytest.raises(ValueError, match="needs exact values"):
        payloads.recoded(sent.update, SPEC)


def test_quantised_updates_are_counted_in_both_codecs():
    sent = next(payloads.sent_by(a_run(rounds=1)))
    (row,) = payloads.quantised(sent.under(SPEC.replace(quantizer="none")), {"paper": {}})
    for codec in ("packed", "entropy"):
        found = payloads.cost(sent.update, codec)
        assert (row[codec], row[f"ratio_{codec}"]) == (found["bits"], found["ratio_fp32"])


def test_only_compressed_runs_that_kept_something():
    for fields in ({"compression": None}, {"selection": "random"}, {"keep_deltas": 0}):
        with pytest.raises(ValueError, match="keep_deltas above 0"):
            next(payloads.sent_by(a_run(**fields)))


def test_other_positions_are_refused():
    run = a_run(rounds=1)
    sent = next(payloads.sent_by(run))
    with pytest.raises(ValueError, match="different positions"):
        payloads.loss(sent.update, sent.under(SPEC.replace(decay=0.5, k=7, quantizer="none")))
