"""A second decoder, in plain Python integers, written from the format's description alone."""

from __future__ import annotations

import bisect
import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.compress import CompressionSpec, compress, encode

QUANTIZERS = ("magnitude", "templar", "none")


def integers(data, count, width):
    """Return packed integers, lowest bit first."""
    number = int.from_bytes(data, "little")
    return [number >> (width * i) & ((1 << width) - 1) for i in range(count)]


def blocks(shape, chunk):
    """Return the flat positions of each chunk of a tensor, in order."""
    numel, edge = math.prod(shape), math.isqrt(chunk)
    if len(shape) < 2 or not numel:
        return [list(range(a, min(a + chunk, numel))) for a in range(0, numel, chunk)]
    rows, columns = shape[0], numel // shape[0]
    return [
        [r * columns + c for r in range(y, min(y + edge, rows)) for c in range(x, min(x + edge, columns))]
        for y in range(0, rows, edge)
        for x in range(0, columns, edge)
    ]


def ans(table, words, count):
    """Return `count` symbols coded by asymmetric numeral systems, and what is left of the coder."""
    n, words = len(table), list(words)
    borders = [(sum(table[:s]) * (2**24 - n) >> 15) + s for s in range(n)] + [2**24]
    state, symbols = 0, []
    while words and state < 2**32:
        state = state * 2**32 + words.pop()
    for _ in range(count):
        q = state % 2**24
        s = bisect.bisect(borders, q) - 1
        state = (state >> 24) * (borders[s + 1] - borders[s]) + q - borders[s]
        if state < 2**32 and words:
            state = state * 2**32 + words.pop()
        symbols.append(s)
    return symbols, (state, words)


def words_of(data):
    assert len(data) % 4 == 0
    return struct.unpack(f"<{len(data) // 4}I", data)


def entropy_positions(section, kept, chunk, k):
    """Return the indices of each live chunk, which keeps as many as `kept` says."""
    count = sum(kept)
    if not count:
        assert not section
        return []
    shift = max(0, math.floor(math.log2(chunk / k)) - 3)
    (n_symbols,) = struct.unpack_from("<Q", section)
    table = struct.unpack_from("<33H", section, 8)
    end = 74 + -(-count * shift // 8)
    low = integers(section[74:end], count, shift)
    symbols, rest = ans(table, words_of(section[end:]), n_symbols)
    assert rest == (0, [])
    gaps, high = [], 0
    for symbol in symbols:
        high += symbol
        if symbol < 32:
            gaps.append(high * 2**shift + low[len(gaps)])
            high = 0
    assert len(gaps) == count
    indices = []
    for number in kept:
        mine, last = [], -1
        for _ in range(number):
            last += gaps.pop(0) + 1
            mine.append(last)
        indices.append(mine)
    return indices


def read(blob, shapes):
    """Return {name: {position: value}} of a payload of codec "packed" or "entropy", and its dead chunks."""
    magic, version, codec, quantizer, bits, chunk, k, group, _decay, _digest, *lengths = struct.unpack_from(
        "<4s4B3Qd16s4Q", blob
    )
    assert (magic, version) == (b"LoCo", 1)
    assert codec in (0, 1)
    quantizer = QUANTIZERS[quantizer]
    sections, at = [], 92
    for length in lengths:
        sections.append(blob[at : at + length])
        at += length
    assert at == len(blob)
    dead = {n >> 1: n & 1 for n in struct.unpack(f"<{lengths[0] // 8}Q", sections[0])}
    levels = list(struct.unpack(f"<{lengths[1] // 4}f", sections[1]))
    chunks = [(name, members) for name in sorted(shapes) for members in blocks(shapes[name], chunk)]
    kept = [max(1, k * len(members) // chunk) for _, members in chunks]
    width = {"magnitude": bits, "templar": 2, "none": 32}[quantizer]
    written = [n for number, n in enumerate(kept) if codec == 0 or number not in dead]
    total = sum(written)
    if codec == 0:
        flat = integers(sections[2], total, 12)
        indices = [[flat.pop(0) for _ in range(n)] for n in written]
    else:
        indices = entropy_positions(sections[2], written, chunk, k)
    if codec == 0 or quantizer == "none":
        values = integers(sections[3], total, width)
    elif total:
        size = 2 << width
        table = struct.unpack_from(f"<{1 << width}H", sections[3])
        values, rest = ans(table, words_of(sections[3][size:]), total)
        assert rest == (0, [])
    else:
        values = []
    found, first_level, previous, number_in_tensor = {name: {} for name in shapes}, 0, None, 0
    size = {"magnitude": 1 << (bits - 1), "templar": 5, "none": 0}[quantizer]
    for number, ((name, members), n) in enumerate(zip(chunks, kept, strict=True)):
        new = name != previous
        number_in_tensor = 0 if new else number_in_tensor + 1
        if number and (new or (quantizer == "magnitude" and number_in_tensor % group == 0)):
            first_level += size
        previous = name
        mine = levels[first_level : first_level + size]
        absent = codec == 1 and number in dead
        local = list(range(n)) if absent else indices.pop(0)
        codes = [0] * n if absent else [values.pop(0) for _ in range(n)]
        for index, code in zip(local, codes, strict=True):
            value = 0.0 if number in dead else number_of(code, mine, quantizer)
            found[name][members[index]] = value
    assert not indices
    assert not values
    return found, sum(dead.values())


def number_of(code, levels, quantizer):
    """Return the number that a code stands for, rounded to fp32."""
    if quantizer == "none":
        return struct.unpack("<f", struct.pack("<I", code))[0]
    if quantizer == "templar":
        return float(np.float32(levels[0]) + np.float32(levels[1 + code]))
    sign, level = divmod(code, len(levels))
    return -levels[level] if sign else levels[level]


def same(update, codec):
    found, nonfinite = read(encode(update, codec), update.shapes)
    assert nonfinite == update.nonfinite
    for name in update.shapes:
        positions, values = update.positions(name).tolist(), update.values(name).tolist()
        assert dict(sorted(found[name].items())) == dict(zip(positions, values, strict=True))


@pytest.mark.parametrize("codec", ["packed", "entropy"])
@settings(max_examples=100, deadline=None)
@given(
    shapes=st.lists(st.sampled_from([(), (1,), (70,), (13, 9), (2, 3, 4), (0,), (5, 31)]), max_size=4),
    edge=st.integers(1, 8),
    density=st.floats(0, 1),
    bits=st.integers(1, 3),
    quantizer=st.sampled_from(QUANTIZERS),
    group=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_a_decoder_written_from_the_description_reads_the_same(
    codec, shapes, edge, density, bits, quantizer, group, seed
):
    k = max(1, round(density * edge * edge))
    spec = CompressionSpec(chunk=edge * edge, k=k, bits=bits, quantizer=quantizer, group=group)
    draw, delta = np.random.default_rng(seed), {}
    for number, shape in enumerate(shapes):
        values = draw.normal(size=shape) * np.exp2(draw.integers(-30, 30, size=shape))
        values = np.where(draw.random(shape) < 0.3, draw.choice([0.0, 1.0, math.nan]), values)
        delta[f"t{number}"] = torch.from_numpy(np.asarray(values, np.float32))
    same(compress(delta, {name: torch.zeros_like(t) for name, t in delta.items()}, spec, "reference"), codec)


@pytest.mark.parametrize("codec", ["packed", "entropy"])
def test_it_reads_chunks_of_the_paper_s_size_and_far_gaps(codec):
    delta = {"w": torch.zeros(70, 130), "v": torch.randn(5000, generator=torch.Generator().manual_seed(0))}
    delta["w"][:40] = torch.randn(40, 130, generator=torch.Generator().manual_seed(1))
    delta["w"][0, 0] = delta["w"][63, 63] = 9.0
    spec = CompressionSpec(k=8)
    same(compress(delta, {name: torch.zeros_like(t) for name, t in delta.items()}, spec, "reference"), codec)
