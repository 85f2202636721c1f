"""`compress` against a slow implementation of its definition, written with plain Python numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.compress import CompressionSpec, RandomScores, aggregate, compress, decode, encode
from locolab.compress.chunks import geometry
from locolab.compress.kernels import BACKENDS

SHAPES = [(), (1,), (3,), (16,), (37,), (4, 4), (9, 7), (97, 61), (1, 5), (5, 1), (3, 4, 5), (0,), (0, 3)]
f32 = np.float32


def chunk_members(shape, spec):
    """Yield each chunk as the list of its flat positions, by loops over rows and columns."""
    numel = math.prod(shape)
    if len(shape) < 2:
        yield from (range(a, min(a + spec.chunk, numel)) for a in range(0, numel, spec.chunk))
        return
    rows, columns, edge = shape[0], math.prod(shape[1:]), math.isqrt(spec.chunk)
    if not numel:
        return
    for top in range(0, rows, edge):
        for left in range(0, columns, edge):
            yield [
                r * columns + c
                for r in range(top, min(top + edge, rows))
                for c in range(left, min(left + edge, columns))
            ]


def slow_compress(delta, feedback, spec):
    """Return (value by position, new feedback, non-finite chunks) for one tensor, quantizer "magnitude"."""
    with np.errstate(over="ignore", invalid="ignore"):
        e = f32(spec.decay) * feedback + delta
    chunks = list(chunk_members(delta.shape, spec))
    flat, old, new = e.ravel(), feedback.ravel(), delta.ravel()
    residual, values, broken, kept = flat.copy(), {}, 0, []
    for members in chunks:
        inside = flat[members]
        if not np.isfinite(inside).all() or not inside.any():
            chosen = list(members)[: max(1, spec.k * len(members) // spec.chunk)]
            values.update(dict.fromkeys(chosen, 0.0))
            kept.append([])
            if not np.isfinite(inside).all():
                broken += 1
                for p in members:
                    blame = not np.isfinite(old[p]) or (np.isfinite(new[p]) and not np.isfinite(flat[p]))
                    residual[p] = 0 if blame else old[p]
            continue
        best = sorted(members, key=lambda p: (-abs(flat[p]), p))
        kept.append(sorted(best[: max(1, spec.k * len(members) // spec.chunk)]))
    for start in range(0, len(chunks), spec.group):
        group = [p for positions in kept[start : start + spec.group] for p in positions]
        values.update(slow_levels({p: flat[p] for p in group}, spec.bits - 1))
    for position, value in values.items():
        if np.isfinite(flat[position]) and any(position in chosen for chosen in kept):
            residual[position] = flat[position] - f32(value)
    return values, residual, broken


def slow_levels(entries, splits):
    """Return {position: signed mean of its class}, splitting each class at its mean `splits` times."""
    if not entries:
        return {}
    mean = f32(math.fsum(abs(float(v)) for v in entries.values()) / len(entries))
    if not splits:
        return {p: -mean if v < 0 else mean for p, v in entries.items()}
    high = {p: v for p, v in entries.items() if abs(v) >= mean}
    low = {p: v for p, v in entries.items() if abs(v) < mean}
    return slow_levels(high, splits - 1) | slow_levels(low, splits - 1)


def tensors(shape, seed, spread=3.0):
    generator = np.random.default_rng(seed)
    scale = np.exp2(generator.uniform(-spread, spread, shape))
    return torch.from_numpy(np.asarray(generator.normal(size=shape) * scale, f32))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", [1, 2, 3])
def test_values_and_feedback_are_those_of_the_definition(shape, bits):
    spec = CompressionSpec(chunk=16, k=3, bits=bits, decay=0.9, group=2)
    delta, feedback = tensors(shape, 1), tensors(shape, 2)
    values, residual, _ = slow_compress(delta.numpy(), feedback.numpy(), spec)
    update = compress({"w": delta}, {"w": feedback}, spec)
    assert dict(zip(update.positions("w").tolist(), update.values("w").tolist(), strict=True)) == values
    assert np.array_equal(feedback.numpy().ravel().view(np.int32), residual.view(np.int32))


hard = st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-40, 1e30, -1e-30, math.inf, -math.inf, math.nan, 3e38]
)
numbers = st.one_of(hard, st.floats(width=32, allow_nan=False), st.integers(-3, 3).map(float))


@settings(max_examples=150, deadline=None)
@given(
    shape=st.sampled_from([(), (3,), (11,), (5, 7), (2, 3, 2)]),
    k=st.integers(1, 9),
    bits=st.integers(1, 3),
    quantizer=st.sampled_from(["magnitude", "templar", "none"]),
    decay=st.sampled_from([0.0, 0.95, 1.0]),
    data=st.data(),
)
def test_feedback_is_the_error_minus_what_was_sent_on_any_numbers(shape, k, bits, quantizer, decay, data):
    spec = CompressionSpec(chunk=9, k=k, bits=bits, decay=decay, quantizer=quantizer, group=2)
    size = math.prod(shape)
    delta, old = (
        torch.tensor(data.draw(st.lists(numbers, min_size=size, max_size=size)), dtype=torch.float32).reshape(
            shape
        )
        for _ in range(2)
    )
    feedback = {"w": old.clone()}
    update = compress({"w": delta}, feedback, spec)
    error = (old * torch.tensor(decay, dtype=torch.float32) + delta).ravel()
    residual = (error - update.dense()["w"].ravel()).view(torch.int32)
    broken = 0
    for members in map(list, chunk_members(shape, spec)):
        if error[members].isfinite().all():
            assert torch.equal(feedback["w"].ravel()[members].view(torch.int32), residual[members])
        else:
            broken += 1
            assert update.dense()["w"].ravel()[members].eq(0).all()
    assert update.nonfinite == broken
    assert feedback["w"].isfinite().all()
    for codec in ("packed", "entropy"):
        assert decode(encode(update, codec), {"w": delta.shape}, spec) == update


def test_ties_go_to_the_lower_index_and_signed_zeros_are_equal():
    spec = CompressionSpec(chunk=9, k=2, decay=1.0)
    delta = {"ties": torch.tensor([1.0, -1, 1, -1, 1, 1, 1, 1, 1]), "zeros": torch.tensor([-0.0] * 8 + [2.0])}
    update = compress(delta, {name: torch.zeros(9) for name in delta}, spec)
    assert update.positions("ties").tolist() == [0, 1]
    assert update.values("ties").tolist() == [1.0, -1.0]
    assert update.positions("zeros").tolist() == [0, 8]
    assert update.codes("zeros").tolist() == [0, 1]


@pytest.mark.parametrize("quantizer", ["magnitude", "templar", "none"])
def test_a_nonfinite_round_does_not_last(quantizer):
    spec = CompressionSpec(chunk=4, k=1, decay=1.0, quantizer=quantizer)
    feedback = {"w": torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 8])}
    bad = torch.tensor([0.0, math.nan, 0, 0, 1, 0, 0, 0])
    update = compress({"w": bad}, feedback, spec)
    assert update.nonfinite == 1
    assert update.positions("w").tolist() == [0, 7]
    assert update.values("w").tolist() == [0.0, 8.0]
    assert feedback["w"].tolist() == [1.0, 2, 3, 4, 6, 6, 7, 0]
    assert compress({"w": torch.zeros(8)}, feedback, spec).nonfinite == 0


def test_feedback_that_is_itself_broken_or_overflows_becomes_zero():
    spec = CompressionSpec(chunk=4, k=1, decay=1.0)
    feedback = {"w": torch.tensor([math.inf, math.nan, 3e38, 4.0])}
    assert compress({"w": torch.tensor([0.0, 0, 3e38, 0])}, feedback, spec).nonfinite == 1
    assert feedback["w"].tolist() == [0.0, 0.0, 0.0, 4.0]


def test_dead_chunks_send_zeros_and_enter_no_statistic():
    spec = CompressionSpec(chunk=4, k=2, decay=1.0)
    delta = {"w": torch.tensor([0.0, 0, 0, 0, 3, 5, 0, 0, math.inf, 1, 1, 1])}
    for quantizer in ("magnitude", "templar", "none"):
        update = compress(delta, {"w": torch.zeros(12)}, spec.replace(quantizer=quantizer))
        assert update.positions("w").tolist() == [0, 1, 4, 5, 8, 9]
        sent = {"templar": [4.0, 4.0]}.get(quantizer, [3.0, 5.0])  # both fall into one of its bins
        assert update.values("w").tolist() == pytest.approx([0, 0, *sent, 0, 0])
        assert update.nonfinite == 1


def test_values_beyond_the_wire_are_sent_in_instalments():
    spec = CompressionSpec(chunk=4, k=1, decay=1.0)
    for quantizer in ("magnitude", "none"):
        feedback = {"w": torch.zeros(4)}
        update = compress(
            {"w": torch.tensor([0.0, -3e30, 0, 0])}, feedback, spec.replace(quantizer=quantizer)
        )
        sent = update.values("w").item()
        assert -1e30 <= sent < -0.9999e30
        assert feedback["w"][1].item() == f32(-3e30) - f32(sent)


def test_codes_and_levels_are_what_values_are_made_of():
    spec = CompressionSpec(chunk=16, k=8, bits=3, group=1)
    update = compress({"w": tensors((16, 4), 3)}, {"w": torch.zeros(16, 4)}, spec)
    levels, codes = update.levels("w"), update.codes("w")
    group = torch.div(update.positions("w"), 16, rounding_mode="floor")
    signs = torch.where(codes >= 4, -1.0, 1.0)
    assert torch.equal(signs * levels[group, (codes % 4).long()], update.values("w"))
    assert levels.shape == (4, 4)
    assert levels.dtype == torch.float32
    assert codes.dtype == torch.uint8
    assert update.positions("w").dtype == torch.int64


@pytest.mark.parametrize("draw", ["normal", "laplace", "standard_cauchy"])
def test_templar_statistics_agree_with_their_formulas(draw):
    kept = torch.from_numpy(getattr(np.random.default_rng(5), draw)(size=4000).astype(f32))
    spec = CompressionSpec(chunk=4, k=4, quantizer="templar")
    update = compress({"w": kept}, {"w": torch.zeros(4000)}, spec)
    v = kept.double()
    centred = v - v.mean()
    codes = torch.clamp(torch.round(centred / (1.5 * v.std()) + 2), 0, 3)
    mean, *book = update.levels("w").tolist()
    assert torch.equal(codes.to(torch.uint8), update.codes("w"))
    assert mean == pytest.approx(v.mean().item(), rel=1e-6)
    expected = [centred[codes == b].mean().item() if (codes == b).any() else 0.0 for b in range(4)]
    assert book == pytest.approx(expected, rel=1e-6)
    assert torch.allclose(update.values("w"), torch.tensor([b + mean for b in book])[codes.long()])


def test_templar_error_is_the_published_one_on_gaussian_values():
    """Gaussian chunks of 4096, k=64: relative L2 error 0.111 (spec of tplr-ai/templar v2.1.3, measured)."""
    generator = torch.Generator().manual_seed(0)
    delta = torch.randn(64 * 8, 64 * 8, generator=generator)
    errors = {}
    for quantizer in ("templar", "magnitude"):
        spec = CompressionSpec(quantizer=quantizer)
        update = compress({"w": delta}, {"w": torch.zeros_like(delta)}, spec)
        exact = delta.ravel()[update.positions("w")]
        errors[quantizer] = ((update.values("w") - exact).norm() / exact.norm()).item()
    assert errors["templar"] == pytest.approx(0.111, abs=0.003)
    assert errors["magnitude"] < 0.07


@pytest.mark.parametrize("values", [[2.0] * 4, [7.0, 0, 0, 0]])
def test_templar_with_no_spread_or_one_value_uses_scale_one(values):
    spec = CompressionSpec(chunk=4, k=1 if 0 in values else 4, quantizer="templar", decay=0.0)
    update = compress({"w": torch.tensor(values)}, {"w": torch.zeros(4)}, spec)
    assert set(update.values("w").tolist()) == {values[0]}
    assert set(update.codes("w").tolist()) == {2}


def test_the_order_of_a_dictionary_changes_nothing_but_the_order_of_dense():
    spec = CompressionSpec(chunk=16, k=4)
    delta = {name: tensors((9, 7), number) for number, name in enumerate("cab")}
    backwards = dict(reversed(delta.items()))
    one, other = (compress(d, {name: torch.zeros(9, 7) for name in "abc"}, spec) for d in (delta, backwards))
    assert encode(one) == encode(other)
    assert list(one.dense()) == list("cab")
    shapes = {name: torch.Size((9, 7)) for name in "bca"}
    assert list(decode(encode(one), shapes, spec).dense()) == list("bca")


def test_nothing_is_fine_too():
    spec = CompressionSpec()
    for delta in ({}, {"w": torch.zeros(0, 5)}):
        update = compress(delta, {name: t.clone() for name, t in delta.items()}, spec)
        assert decode(encode(update), update.shapes, spec) == update
        assert aggregate([update]).keys() == delta.keys()
        assert update.n_kept == 0


@pytest.mark.parametrize(
    "feedback",
    [
        {},
        {"v": torch.zeros(4)},
        {"w": torch.zeros(5)},
        {"w": torch.zeros(2, 2)},
        {"w": torch.zeros(4, dtype=torch.float64)},
        {"w": [0.0] * 4},
        None,
    ],
)
def test_tensors_that_do_not_fit_are_refused_before_anything_is_written(feedback):
    good = torch.ones(4)
    with pytest.raises(ValueError, match="feedback"):
        compress(
            {"a": good, "w": torch.ones(4)}, feedback and {"a": good.clone(), **feedback}, CompressionSpec()
        )
    first = {"a": torch.ones(4), "w": torch.zeros(4, dtype=torch.float16)}
    with pytest.raises(ValueError, match="float16"):
        compress({"a": good, "w": torch.ones(4)}, first, CompressionSpec())
    assert first["a"].tolist() == [1.0] * 4


def test_backends_say_what_ran_and_unavailable_ones_say_why():
    spec, delta = CompressionSpec(chunk=4, k=1), {"w": torch.ones(4)}
    update = compress(delta, {"w": torch.zeros(4)}, spec)
    assert update.backend in BACKENDS
    assert update.backend_reason
    assert compress(delta, {"w": torch.zeros(4)}, spec, backend="reference").backend == "reference"
    with pytest.raises(ValueError, match="not known"):
        compress(delta, {"w": torch.zeros(4)}, spec, backend="abacus")
    with pytest.raises(RuntimeError, match="not available"):
        compress(delta, {"w": torch.zeros(4)}, spec, backend="cuda")


def test_inputs_may_be_parameters_transposed_or_shared():
    spec = CompressionSpec(chunk=4, k=2, decay=0.5)
    plain = tensors((6, 5), 1)
    expected = {"w": tensors((6, 5), 2)}
    update = compress({"w": plain}, expected, spec)
    feedback = {"w": torch.nn.Parameter(tensors((6, 5), 2).T.contiguous().T)}
    assert compress({"w": torch.nn.Parameter(plain.T.contiguous().T)}, feedback, spec) == update
    assert torch.equal(feedback["w"], expected["w"])


def test_random_scores_keep_other_entries_each_round_and_repeat_by_seed():
    spec, delta = CompressionSpec(chunk=64, k=8, quantizer="none"), {"w": tensors((16, 16), 1)}

    def rounds(seed):
        scores = RandomScores(seed)
        return [
            compress(delta, {"w": torch.zeros(16, 16)}, spec, select=scores).positions("w").tolist()
            for _ in range(2)
        ]

    assert rounds(1) == rounds(1)
    assert len({tuple(positions) for seed in (1, 2) for positions in rounds(seed)}) == 4
    assert rounds(1)[0] != compress(delta, {"w": torch.zeros(16, 16)}, spec).positions("w").tolist()


@pytest.mark.parametrize(
    "select", [torch.abs, lambda rows: rows.long() - 10, lambda rows: rows.long() + 2**31]
)
def test_priorities_that_are_not_small_integers_are_refused(select):
    with pytest.raises(ValueError, match="priorities"):
        compress({"w": torch.ones(4)}, {"w": torch.zeros(4)}, CompressionSpec(chunk=4, k=1), select=select)


@pytest.mark.parametrize("shape", SHAPES)
def test_geometry_maps_chunk_order_to_positions_and_back(shape):
    spec = CompressionSpec(chunk=16, k=16)  # everything kept: every position exactly once
    chunks = geometry(shape, spec)
    local = np.concatenate([np.zeros(0, int), *(np.arange(n) for n in chunks.sizes)])
    expected = [p for members in chunk_members(shape, spec) for p in members]
    assert chunks.flat(local).tolist() == expected
    assert sorted(expected) == list(range(math.prod(shape)))
    assert chunks.n_kept() == chunks.starts[-1] == chunks.numel


@pytest.mark.parametrize(
    "fields",
    [
        {"chunk": 0}, {"chunk": 4095}, {"chunk": -4}, {"chunk": 4096.0}, {"k": 0}, {"k": 4097}, {"k": True},
        {"bits": 0}, {"bits": 4}, {"decay": -0.1}, {"decay": 1.1}, {"decay": math.nan}, {"decay": "0.9"},
        {"decay": 10**400},
        {"group": 0}, {"quantizer": "nf4"}, {"codec": "zip"}, {"quantizer": None}, {"chunk": 2**64},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        CompressionSpec(**fields)


def test_settings_of_other_number_types_are_one_configuration():
    assert CompressionSpec(k=np.int64(64), decay=1).hash() == CompressionSpec(k=64, decay=1.0).hash()
    assert CompressionSpec(decay=-0.0).to_dict() == CompressionSpec(decay=0).to_dict()
