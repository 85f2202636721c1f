"""Payloads: every codec carries every update it should, in the bytes the format says, and nothing else."""

from __future__ import annotations

import itertools
import math
import pickle
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab import model
from locolab.compress import (
    CompressionSpec,
    PayloadError,
    bits,
    compress,
    decode,
    encode,
    entropy,
    payload_size,
    position_bound,
)
from locolab.compress.wire import HEADER_BYTES, reseal

PAIRS = [
    ("magnitude", "packed"), ("magnitude", "entropy"), ("none", "packed"), ("none", "entropy"),
    ("templar", "packed"), ("templar", "entropy"), ("templar", "templar"), ("templar", "ccloco"),
]  # fmt: skip
SHAPES = [(), (3,), (97, 61), (3, 5, 7), (0, 4), (4096 + 5,), (130, 64)]


def update_of(shapes, spec, seed=0):
    generator = torch.Generator().manual_seed(seed)
    delta = {f"t{i}": torch.randn(shape, generator=generator) for i, shape in enumerate(shapes)}
    return compress(delta, {name: torch.zeros_like(t) for name, t in delta.items()}, spec, "reference")


@pytest.mark.parametrize(("quantizer", "codec"), PAIRS)
@pytest.mark.parametrize("number_of_bits", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 64, 4096])
def test_decode_returns_what_was_encoded(quantizer, codec, number_of_bits, k):
    spec = CompressionSpec(k=k, bits=number_of_bits, quantizer=quantizer, group=3)
    update = update_of(SHAPES, spec)
    blob = encode(update, codec)
    back = decode(blob, update.shapes, spec)
    assert back == update
    assert encode(back, codec) == blob
    assert back.spec == spec
    for name in update.shapes:
        assert torch.equal(back.positions(name), update.positions(name))
        assert torch.equal(back.values(name), update.values(name))
        assert torch.equal(back.dense()[name], update.dense()[name])
    if codec != "entropy":
        assert len(blob) == payload_size(update.shapes, spec, codec)
    counted = update.sections(codec)
    assert sum(counted.values()) == len(blob)
    assert set(counted) == {"positions", "values", "scales", "header"}


@settings(max_examples=150, deadline=None)
@given(
    pair=st.sampled_from(PAIRS),
    shapes=st.lists(st.sampled_from([(), (1,), (3,), (70,), (13, 9), (2, 3, 4), (0,)]), max_size=4),
    edge=st.integers(1, 6),
    density=st.floats(0, 1),
    number_of_bits=st.integers(1, 3),
    group=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_decode_returns_what_was_encoded_for_any_geometry(
    pair, shapes, edge, density, number_of_bits, group, seed
):
    quantizer, codec = pair
    k = max(1, round(density * edge * edge))
    spec = CompressionSpec(chunk=edge * edge, k=k, bits=number_of_bits, quantizer=quantizer, group=group)
    generator = np.random.default_rng(seed)
    delta = {}
    for number, shape in enumerate(shapes):
        values = generator.normal(size=shape) * np.exp2(generator.integers(-140, 100, size=shape))
        values = np.where(generator.random(shape) < 0.3, generator.choice([0.0, -0.0, 1.0, math.nan]), values)
        delta[str(number)] = torch.from_numpy(np.asarray(values, np.float32))
    update = compress(delta, {name: torch.zeros_like(t) for name, t in delta.items()}, spec, "reference")
    back = decode(encode(update, codec), update.shapes, spec)
    assert back == update
    assert back.nonfinite == update.nonfinite


def test_small_payload_is_these_bytes():
    """Eight numbers, chunks of four, one entry each: -6 at 1 of chunk 0, 3 at 0 of chunk 1."""
    spec = CompressionSpec(chunk=4, k=1, decay=0.5, codec="packed")
    delta = {"w": torch.tensor([1.0, -6, 2, 0, 3, 0, 1, 2])}
    blob = encode(compress(delta, {"w": torch.zeros(8)}, spec, "reference"))
    assert blob.hex(" ", -4) == (
        "4c6f436f 01000002 04000000 00000000 01000000 00000000 40000000 00000000 00000000 0000e03f "
        "971a39c0 42bc2f53 d2c69fdc d214dba8 "  # digest of [["w",[8]]]
        "00000000 00000000 08000000 00000000 03000000 00000000 01000000 00000000 1fac5725 "
        "00004040 0000c040 "  # levels 3 and 6
        "01000003"  # 010000: positions 1 and 0, 12 bits each; 03: codes 3 (negative, high) and 0, 2 bits each
    )


def test_small_entropy_payload_is_these_bytes():
    spec = CompressionSpec(chunk=16, k=4, bits=1, decay=1.0)
    delta = {"w": torch.tensor([[5.0, -4, 0, 0], [3, 0, 0, 0], [0, 0, 0, -2], [0, 0, 1, 0]])}
    update = compress(delta, {"w": torch.zeros(4, 4)}, spec, "reference")
    assert update.positions("w").tolist() == [0, 1, 4, 11]
    assert encode(update)[HEADER_BYTES:].hex(" ", -4) == (
        "00006040 "  # level 3.5
        "04000000 00000000 "  # four symbols: the gaps 0, 0, 2, 6
        + "00400000 00200000 00000000 00200000 "  # of 2**15: 16384 for 0, 8192 for 2, 8192 for 6
        + "00000000 " * 12
        + "00004301 000e0040 00400000 0005"  # the end of the table, a word, codes' table, a word
    )


def test_header_says_what_the_format_says():
    spec = CompressionSpec(chunk=16, k=4, bits=3, decay=0.9, group=7)
    blob = encode(update_of([(5, 5), (9,)], spec), "packed")
    fields = struct.unpack_from("<4s4B3Qd16s4QI", blob)
    assert fields[:9] == (b"LoCo", 1, 0, 0, 3, 16, 4, 7, 0.9)
    assert sum(fields[10:14]) == len(blob) - HEADER_BYTES
    assert fields[14] == zlib.crc32(blob[:88] + blob[92:])


@pytest.mark.parametrize(
    ("quantizer", "codec"), [*itertools.product(["magnitude", "none"], ["templar", "ccloco"])]
)
def test_pairs_that_do_not_fit_are_refused_by_encode(quantizer, codec):
    with pytest.raises(ValueError, match="carries quantizer 'templar' only"):
        encode(update_of([(4,)], CompressionSpec(quantizer=quantizer)), codec)


def test_chunks_beyond_12_bits_need_another_codec():
    spec = CompressionSpec(chunk=128 * 128, k=256, quantizer="templar")
    update = update_of([(200, 200)], spec)
    for codec in ("packed", "templar"):
        with pytest.raises(ValueError, match="12-bit"):
            encode(update, codec)
        with pytest.raises(ValueError, match="12-bit"):
            payload_size(update.shapes, spec, codec)
    for codec in ("entropy", "ccloco"):
        assert decode(encode(update, codec), update.shapes, spec) == update
    with pytest.raises(ValueError, match="not known"):
        encode(update, "zip")
    with pytest.raises(ValueError, match="content"):
        payload_size(update.shapes, spec, "entropy")


def test_the_codec_is_the_headers_and_other_fields_must_be_the_same():
    spec = CompressionSpec(chunk=16, k=4)
    update = update_of([(9, 9)], spec)
    blob = encode(update, "packed")
    assert decode(blob, update.shapes, spec.replace(codec="ccloco")).positions("t0").tolist()
    other = {"chunk": 64, "k": 5, "bits": 3, "decay": 0.5, "quantizer": "none", "group": 8}
    for field, value in other.items():
        with pytest.raises(PayloadError, match=field):
            decode(blob, update.shapes, spec.replace(**{field: value}))
    for shapes in ({"t0": (9, 10)}, {"t1": (9, 9)}, {}, {"t0": (9, 9), "t1": (0,)}):
        with pytest.raises(PayloadError, match="shapes"):
            decode(blob, shapes, spec)


@pytest.mark.parametrize("blob", [None, "LoCo", 7, b"", b"LoCo", bytes(500), [1], 1.5, object()])
def test_what_is_no_payload_is_refused(blob):
    with pytest.raises(PayloadError):
        decode(blob, {"w": (4,)}, CompressionSpec())
    assert isinstance(reseal(blob), bytes)
    with pytest.raises(PayloadError):
        decode(reseal(blob), {"w": (4,)}, CompressionSpec())


@pytest.mark.parametrize("shapes", [None, 3, {"w": None}, {"w": ("a",)}, {"w": (-1,)}, {1: (2,), "a": (3,)}])
def test_shapes_of_another_type_are_refused(shapes):
    with pytest.raises(PayloadError):
        decode(b"LoCo" * 40, shapes, CompressionSpec())
    with pytest.raises(PayloadError, match="CompressionSpec"):
        decode(b"LoCo" * 40, {}, None)


@pytest.mark.parametrize(
    "shapes",
    [
        {"w": (3.0,)},
        {"w": (3.5,)},
        {"w": "3"},
        {"w": ("3",)},
        {"w": 3},
        {b"w": (3,)},
        {object(): (3,)},
        {"w": (10**5000,)},
    ],
)
def test_shapes_that_only_resemble_the_payloads_are_refused(shapes):
    honest = compress({"w": torch.ones(3)}, {"w": torch.zeros(3)}, CompressionSpec(), "reference")
    with pytest.raises(PayloadError, match="shapes"):
        decode(encode(honest), shapes, honest.spec)


@pytest.mark.parametrize("shapes", [[], (), "", set()])
def test_no_tensors_are_an_empty_dictionary_and_nothing_else(shapes):
    nothing = compress({}, {}, CompressionSpec(), "reference")
    assert decode(encode(nothing), {}, nothing.spec) == nothing
    with pytest.raises(PayloadError, match="shapes"):
        decode(encode(nothing), shapes, nothing.spec)


def test_a_giant_that_is_only_claimed_costs_nothing():
    with pytest.raises(PayloadError, match="shapes digest"):
        decode(encode(update_of([(4,)], CompressionSpec())), {"w": (262144, 2**40)}, CompressionSpec())
    giant = payload_size({"w": (262144, 8192), "b": (8192,)}, CompressionSpec(), "packed")
    assert 4 * (262144 + 1) * 8192 / giant == pytest.approx(146, abs=0.2)


def test_an_update_is_immutable_and_can_be_pickled():
    update = update_of([(9, 9)], CompressionSpec(chunk=9, k=3))
    for read in (update.positions, update.values, update.codes, update.levels):
        before = read("t0").clone()
        read("t0").zero_()
        assert torch.equal(read("t0"), before)
    update.dense()["t0"].zero_()
    update.shapes.clear()
    assert update.dense()["t0"].any()
    with pytest.raises(AttributeError):
        update.spec = None
    with pytest.raises(ValueError, match="read-only"):
        update.part("t0").local[0] = 1
    assert pickle.loads(pickle.dumps(update)) == update
    assert update != update_of([(9, 9)], CompressionSpec(chunk=9, k=3), seed=1)
    assert update != 5


@settings(max_examples=60, deadline=None)
@given(width=st.integers(0, 63), count=st.integers(0, 40), data=st.data())
def test_bits_come_back(width, count, data):
    values = np.array(
        data.draw(st.lists(st.integers(0, 2**width - 1), min_size=count, max_size=count)), np.uint64
    )
    packed = bits.pack(values, width)
    assert len(packed) == bits.packed_size(count, width)
    assert bits.unpack(packed, count, width).tolist() == values.tolist()
    number = sum(int(v) << (width * i) for i, v in enumerate(values))
    assert packed == number.to_bytes(len(packed), "little")


def test_bits_come_back_across_blocks():
    values = np.arange(40001) % 8
    assert np.array_equal(bits.unpack(bits.pack(values, 3), 40001, 3), values)


def test_position_bound_is_the_papers():
    """7.36 bits at C=4096, k=64 (arXiv 2603.08163, section 2.1)."""
    assert round(position_bound(4096, 64), 2) == 7.36
    assert position_bound(16, 16) == 0
    with pytest.raises(ValueError, match="outside"):
        position_bound(4, 5)


MINI = {"embed": (1024, 384)} | {
    f"{layer}.{name}": shape
    for layer in range(7)
    for name, shape in {
        "q": (384, 384), "k": (128, 384), "v": (128, 384), "o": (384, 384),
        "gate": (1024, 384), "up": (1024, 384), "down": (384, 1024), "norm1": (384,), "norm2": (384,),
    }.items()
}  # fmt: skip


@pytest.fixture(scope="module")
def ten_million():
    generator = torch.Generator().manual_seed(0)
    delta = {name: torch.randn(shape, generator=generator) for name, shape in MINI.items()}
    assert sum(t.numel() for t in delta.values()) > 1e7
    return delta


@pytest.mark.parametrize(
    ("quantizer", "codec", "at_least", "at_most"),
    [
        ("magnitude", "packed", 145.5, 146.3),  # 4096 * 32 / (64 * (12 + 2)) = 146.29 without scales
        ("templar", "templar", 101.5, 102.4),  # 4096 * 32 / (64 * (12 + 8)), tplr-ai/templar v2.1.3
        ("templar", "ccloco", 28.3, 28.45),  # 4096 * 32 / (64 * (64 + 8))
        ("magnitude", "entropy", 216.0, 218.8),  # bound: 4096 * 32 / (64 * (7.364 + 2)) = 218.7
    ],
)
def test_ratio_on_ten_million_parameters(ten_million, quantizer, codec, at_least, at_most):
    spec = CompressionSpec(quantizer=quantizer)
    update = compress(
        ten_million, {name: torch.zeros_like(t) for name, t in ten_million.items()}, spec, "reference"
    )
    blob = encode(update, codec)
    assert at_least <= 4 * update.numel / len(blob) <= at_most
    assert decode(blob, update.shapes, spec) == update
    if codec == "entropy":
        assert 8 * len(blob) / update.n_kept < 9.45


def test_entropy_gaps_far_beyond_the_average_are_escaped():
    spec = CompressionSpec(chunk=4096, k=64)
    local = np.concatenate([np.arange(32), np.arange(4064, 4096)])
    kept = np.array([64])
    section = entropy.encode_positions([(local, kept)], spec)
    (found,) = entropy.decode_positions(memoryview(section), [(kept, 4096)], spec)
    assert np.array_equal(found, local)
    assert len(section) <= entropy.largest_sections(64, 4096, spec)[0]


@pytest.mark.parametrize(
    ("layers", "hidden", "ffn", "kept", "groups", "ratio"),
    [
        (6, 384, 1024, 153_678, 75, 145.91),  # many matrices of less than 64 chunks: each its own group
        (2, 512, 2048, 139_304, 39, 146.04),
    ],
)
def test_packed_ratio_follows_from_the_shapes(layers, hidden, ffn, kept, groups, ratio):
    """92 bytes of header, 8 a group of 64 chunks, 14 bits a kept value: 146.29 without the first two."""
    heads = hidden // 64
    spec = model.ModelSpec(
        hidden=hidden, layers=layers, ffn=ffn, heads=heads, kv_heads=heads if layers == 2 else 2
    )
    tensors = model.shapes(spec)
    size = payload_size(tensors, CompressionSpec(), "packed")
    assert size == 92 + 8 * groups + math.ceil(12 * kept / 8) + math.ceil(2 * kept / 8)
    numel = sum(shape.numel() for shape in tensors.values())
    assert numel > 5e6
    assert 4 * numel / size == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize("codec", ["packed", "entropy"])
def test_more_tensors_take_little_more_memory_to_encode_and_decode(codec):
    extra = {}
    for count in (4, 16):
        update = update_of([(512, 512)] * count, CompressionSpec())
        blob = encode(update, codec)
        for call in (lambda: encode(update, codec), lambda: decode(blob, update.shapes, update.spec)):  # noqa: B023
            call()
            tracemalloc.start()
            kept = call()
            now, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert kept
            extra.setdefault(count, []).append((peak - now, update.n_kept))
    for (few, entries), (many, more) in zip(extra[4], extra[16], strict=True):
        assert many - few < 6 * (more - entries)  # bytes an entry: payloads and symbols, no wide integers
