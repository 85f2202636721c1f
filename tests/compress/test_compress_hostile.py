"""Hostile payloads: only PayloadError, or an update whose own bytes they are.

The classes are those of the public program's description (tplr-ai/templar v2.1.3); every payload here is in
our own format and meets our own decoder.
"""

from __future__ import annotations

import dataclasses
import struct
import tracemalloc

import numpy as np
import pytest
import torch

from locolab.compress import CompressionSpec, PayloadError, aggregate, compress, decode, encode, entropy
from locolab.compress.wire import HEADER_BYTES, reseal

SHAPES = {"a": (9, 7), "b": (11,), "c": ()}
KINDS = [
    ("magnitude", "packed"),
    ("magnitude", "entropy"),
    ("none", "packed"),
    ("none", "entropy"),
    ("templar", "entropy"),
    ("templar", "templar"),
    ("templar", "ccloco"),
]


def honest(quantizer="magnitude", seed=0, dead=True):
    """Return an update of three small tensors, one chunk of which is dead and one not finite."""
    spec = CompressionSpec(chunk=16, k=5, bits=3, quantizer=quantizer, group=2)
    generator = torch.Generator().manual_seed(seed)
    delta = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    if dead:
        delta["a"][:4, :4] = 0
        delta["a"][8, 6] = float("nan")
    return compress(delta, {name: torch.zeros_like(t) for name, t in delta.items()}, spec, "reference")


def forged(update, tensor="a", **fields):
    """Return the update with some arrays of one tensor replaced: `encode` writes it without asking."""
    parts = dict(update._parts)
    parts[tensor] = dataclasses.replace(parts[tensor], **fields)
    return dataclasses.replace(update, _parts=parts)


def changed(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


def refuse(blob, match, update):
    with pytest.raises(PayloadError, match=match):
        decode(blob, update.shapes, update.spec)


@pytest.mark.parametrize("codec", ["templar", "ccloco"])
@pytest.mark.parametrize("code", [4, 200, 255])
def test_a_code_beyond_the_codebook(codec, code):
    update = honest("templar")
    codes = changed(update.part("a").codes, -8, code)
    refuse(encode(forged(update, codes=codes), codec), "beyond the codebook", update)


@pytest.mark.parametrize("value", [3e38, -3e38, 1.0001e30, np.nan, np.inf, -np.inf, -0.0])
@pytest.mark.parametrize(("quantizer", "codec"), KINDS)
def test_numbers_that_are_not_finite_huge_or_of_two_forms(value, quantizer, codec):
    update = honest(quantizer)
    field = "exact" if quantizer == "none" else "levels"
    array = getattr(update.part("a"), field)
    index = (1,) if quantizer == "templar" else (-1,) * array.ndim
    if field == "exact":
        index = (np.flatnonzero(array)[0],)
    refuse(
        encode(forged(update, **{field: changed(array, index, value)}), codec),
        "should be finite|zero",
        update,
    )


def test_levels_out_of_order_negative_or_unused():
    update = honest("magnitude", dead=False)
    levels = update.part("a").levels
    refuse(encode(forged(update, levels=levels[:, ::-1])), "ascend|0.0", update)
    refuse(encode(forged(update, levels=changed(levels, (0, 0), -1.0))), "negative", update)
    refuse(encode(forged(update, tensor="c", levels=np.float32([[1, 2, 3, 4]]))), "without values", update)
    templar = honest("templar", dead=False)
    lone = templar.part("c").levels
    refuse(
        encode(forged(templar, tensor="c", levels=changed(lone, 4, 5.0)), "templar"),
        "without values",
        templar,
    )
    empty = compress({"w": torch.zeros(4)}, {"w": torch.zeros(4)}, templar.spec, "reference")
    mean = changed(empty.part("w").levels, 0, 1.0)
    refuse(encode(forged(empty, "w", levels=mean), "packed"), "mean without values", empty)


@pytest.mark.parametrize(("quantizer", "codec"), [kind for kind in KINDS if kind[1] != "entropy"])
def test_positions_repeated_descending_or_outside(quantizer, codec):
    update = honest(quantizer, dead=False)
    local = update.part("a").local
    for index, value, match in ((1, local[0], "ascend"), (0, local[1] + 1, "ascend"), (4, 16, "outside")):
        refuse(encode(forged(update, local=changed(local, index, value)), codec), match, update)
    repeated = np.full_like(local, 0)
    refuse(encode(forged(update, local=repeated), codec), "ascend", update)
    if codec == "ccloco":
        refuse(encode(forged(update, local=changed(local, 0, -1)), codec), "outside", update)


@pytest.mark.parametrize("codec", ["packed", "entropy"])
def test_dead_chunks_that_say_something(codec):
    update = honest("magnitude")
    part = update.part("a")
    assert part.dead.tolist() == [0, 5]
    refuse(encode(forged(update, dead=part.dead[::-1]), codec), "dead chunks do not ascend", update)
    refuse(encode(forged(update, dead=np.array([0, 0])), codec), "dead chunks do not ascend", update)
    if codec == "packed":
        beyond = forged(update, tensor="c", dead=np.array([1]), broken=np.array([True]))
        refuse(encode(beyond, codec), "does not exist", update)
        first = changed(part.local, 4, 9)
        refuse(encode(forged(update, local=first), codec), "lowest positions", update)
        refuse(encode(forged(update, codes=changed(part.codes, 0, 1)), codec), "carries codes", update)
        raw = honest("none")
        refuse(encode(forged(raw, exact=changed(raw.part("a").exact, 0, 1)), codec), "carries values", raw)


@pytest.mark.parametrize(("quantizer", "codec"), KINDS)
def test_missing_parts_extra_parts_and_other_lengths(quantizer, codec):
    update = honest(quantizer)
    blob = encode(update, codec)
    lengths = list(struct.unpack_from("<4Q", blob, 56))
    for cut in range(len(blob)):
        refuse(blob[:cut], "header|add up", update)
        refuse(
            reseal(blob[:cut]),
            ".",
            update,
        )
    refuse(blob + b"\0", "add up", update)
    refuse(reseal(blob + b"\0"), "length|long|words", update)
    for section in range(4):
        for length in (0, 1, lengths[section] + 1, 2**63, 2**64 - 1):
            if length != lengths[section]:
                other = struct.pack("<4Q", *changed(np.array(lengths, np.uint64), section, length).tolist())
                refuse(blob[:56] + other + blob[88:], "add up", update)


HEADER_FIELDS = {0: "LoCo", 4: "version", 5: "too short", 6: "quantizer", 7: "bits", 8: "chunk",
                 16: "k differs", 24: "group", 32: "decay", 40: "shapes digest"}  # fmt: skip


def test_other_header_fields_are_refused():
    update = honest()
    blob = encode(update, "packed")
    for offset, match in HEADER_FIELDS.items():
        damaged = bytearray(blob)
        damaged[offset] ^= 1
        refuse(reseal(damaged), match, update)
    refuse(blob[:-1] + bytes([blob[-1] ^ 1]), "checksum", update)
    refuse(reseal(blob[:-1] + bytes([blob[-1] | 0x80])), "canonical|beyond|without values", update)


def entropy_blob(positions=None, values=None):
    """Return an entropy payload with one section replaced, resealed by hand."""
    update = honest(dead=False)
    blob = encode(update, "entropy")
    dead, levels, old_positions, _ = struct.unpack_from("<4Q", blob, 56)
    start = HEADER_BYTES + dead + levels
    positions = positions or (lambda section: section)
    values = values or (lambda section: section)
    new = [positions(blob[start : start + old_positions]), values(blob[start + old_positions :])]
    head = blob[:56] + struct.pack("<4Q", dead, levels, *map(len, new)) + blob[88:92]
    return update, reseal(head + blob[HEADER_BYTES:start] + b"".join(new))


@pytest.mark.parametrize(
    ("positions", "match"),
    [
        (lambda s: b"", "too short"),
        (lambda s: s[:70], "too short"),
        (lambda s: (2**63).to_bytes(8, "little") + s[8:], "cannot be"),
        (lambda s: bytes(8) + s[8:], "cannot be"),
        (lambda s: s[:8] + bytes(66) + s[74:], "add up"),
        (lambda s: s[:8] + b"\0\x80" + bytes(64) + s[74:], "canonical|ascend|outside"),
        (lambda s: s[:-2], "words"),
        (lambda s: s[:-4] + bytes(4), "end in zero"),
        (lambda s: s + b"\1\0\0\0" * 40, "longer|words"),
        (lambda s: s[:8] + bytes(64) + b"\0\x80" + s[74:], "do not fit"),
    ],
)
def test_entropy_positions_that_cannot_be(positions, match):
    update, blob = entropy_blob(positions=positions)
    refuse(blob, match, update)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (lambda s: b"", "add up"),
        (lambda s: b"\xff" * 16 + s[16:], "add up"),
        (lambda s: s[:-4] + bytes(4), "end in zero"),
        (lambda s: s + b"\1\0\0\0" * 99, "longer"),
        (lambda s: s[:16], "canonical|without values"),
    ],
)
def test_entropy_codes_that_cannot_be(values, match):
    update, blob = entropy_blob(values=values)
    refuse(blob, match, update)


def test_any_table_and_any_words_are_refused_or_decoded():
    """Frequencies that add up and random words: the coder behind them must not be able to object."""
    generator = np.random.default_rng(0)
    spec, tensors = CompressionSpec(chunk=64, k=8), [(np.array([8, 8]), 128), (np.array([3]), 24)]
    for number in range(3000):
        alphabet, count = (33, int(generator.integers(1, 30))) if number % 2 else (4, 19)
        cuts = (
            np.sort(generator.integers(0, 2**15 + 1, alphabet - 1))
            if number % 3
            else [2**15] * (alphabet - 1)
        )
        table = np.diff([0, *cuts, 2**15]).astype("<u2").tobytes()
        words = generator.bytes(4 * int(generator.integers(0, 10)))
        try:
            if number % 2:
                section = count.to_bytes(8, "little") + table + words
                found = entropy.decode_positions(memoryview(section), tensors, spec)
                assert [len(local) for local in found] == [16, 3]
            else:
                assert entropy.decode_codes(memoryview(table + words), 19, 2).max() < 4
        except PayloadError:
            continue


def test_sections_of_entropy_for_chunks_that_are_all_dead():
    spec = CompressionSpec(chunk=4, k=2)
    update = compress({"w": torch.zeros(8)}, {"w": torch.zeros(8)}, spec, "reference")
    blob = encode(update)
    assert decode(blob, update.shapes, spec) == update
    for lengths, match in (((16, 8, 4, 0), "positions without"), ((16, 8, 0, 4), "codes without")):
        head = blob[:56] + struct.pack("<4Q", *lengths) + blob[88:]
        refuse(reseal(head + bytes(4)), match, update)
    assert entropy.decode_codes(memoryview(b""), 0, 2).size == 0


def test_decoding_allocates_for_the_update_not_for_the_claim():
    spec = CompressionSpec()
    generator = torch.Generator().manual_seed(0)
    delta = {"w": torch.randn(512, 512, generator=generator)}
    update = compress(delta, {"w": torch.zeros(512, 512)}, spec, "reference")
    blob = encode(update, "entropy")
    claims = [blob, reseal(blob + bytes(10**6))]
    for symbols in (2**20, 2**40, 2**63):
        dead, levels, *_ = struct.unpack_from("<4Q", blob, 56)
        at = HEADER_BYTES + dead + levels
        claims.append(reseal(blob[:at] + symbols.to_bytes(8, "little") + blob[at + 8 :]))
    for number, claim in enumerate(claims):
        tracemalloc.start()
        try:
            decode(claim, update.shapes, spec)
        except PayloadError:
            assert number
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100 * update.n_kept + len(claim)


INTERESTING = [0, 1, 2, 0x7F, 0x80, 0xFF]


def mutant(blob, generator):
    """Return a copy with one to four random edits: bits, bytes, words, cuts, copies, insertions."""
    data = bytearray(blob)
    for _ in range(generator.integers(1, 5)):
        at = int(generator.integers(0, max(len(data), 1)))
        if generator.random() < 0.7:  # keep most headers, so that most mutants reach the sections
            at = max(at, min(88, len(data)))
        kind = generator.integers(0, 7)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << generator.integers(0, 8)
        elif kind == 1 and at < len(data):
            data[at] = int(generator.choice(INTERESTING))
        elif kind == 2:
            data[at : at + 4] = generator.bytes(4)
        elif kind == 3:
            data[at : at + 8] = struct.pack("<Q", int(generator.choice([0, 1, 2**31, 2**32, 2**63 - 1])))
        elif kind == 4:
            del data[at : at + int(generator.integers(1, 9))]
        elif kind == 5:
            data[at:at] = data[at : at + int(generator.integers(1, 9))]
        else:
            data[at : at + 4] = np.float32(generator.choice([np.nan, np.inf, 1e38, -1.0, 1e-45])).tobytes()
    return bytes(data)


@pytest.mark.parametrize(("quantizer", "codec"), KINDS)
def test_mutants_are_refused_or_are_their_own_bytes(quantizer, codec):
    generator = np.random.default_rng(KINDS.index((quantizer, codec)))
    updates = [honest(quantizer, seed, dead=bool(seed % 2)) for seed in range(4)]
    blobs = [encode(update, codec) for update in updates]
    accepted = 0
    for number in range(1000):
        blob = mutant(blobs[number % 4], generator)
        blob = reseal(blob) if generator.random() < 0.95 else blob
        try:
            update = decode(blob, updates[0].shapes, updates[0].spec)
        except PayloadError:
            continue
        accepted += 1
        assert encode(update, update.backend_reason.split()[3]) == blob
        assert all(tensor.isfinite().all() for tensor in update.dense().values())
    assert accepted < 1000


def test_reseal_never_raises_and_makes_honest_payloads_again():
    blob = encode(honest(), "packed")
    assert reseal(blob) == blob
    damaged = bytearray(blob)
    damaged[88:92] = b"\0\0\0\0"
    damaged[80:88] = b"\xff" * 8
    assert reseal(damaged) == blob
    assert reseal(memoryview(blob)) == blob
    for other in (None, "text", 3, b"", b"\xff" * 91, b"\xff" * 200, [1, 2]):
        assert isinstance(reseal(other), bytes)


def test_aggregate_bounds_what_one_sender_can_do():
    """The full norm on one coordinate, and a coordinate nobody else names: what each rule lets through."""
    spec = CompressionSpec(chunk=16, k=4, quantizer="none")
    generator = torch.Generator().manual_seed(0)
    honest_deltas = [torch.randn(8, 8, generator=generator) for _ in range(4)]
    honest_deltas = [delta.clone() for delta in honest_deltas]
    for delta in honest_deltas:
        delta[0, 0] = 0
    loud = torch.zeros(8, 8)
    loud[0, 0] = 1e6
    updates = [
        compress({"w": d}, {"w": torch.zeros(8, 8)}, spec, "reference") for d in [*honest_deltas, loud]
    ]
    median = sorted(update.norms()["w"] for update in updates)[2]
    for rule, share in (("mean", 1 / 5), ("contributor_mean", 1.0)):
        assert aggregate(updates, rule)["w"][0, 0] == pytest.approx(1e6 * share)
        clipped = aggregate(updates, rule, clip="median_norm")["w"][0, 0]
        assert clipped <= median * share * (1 + 1e-6)
