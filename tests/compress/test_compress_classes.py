"""Each published class of hostile payload, in our format against our decoder: all are refused.

The classes are those that the public program at tplr-ai/templar v2.1.3 accepts or stops at. Those about what
honest bytes mean (a whole norm on one coordinate, coordinates nobody else names) are bounded by `aggregate`.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch

from locolab.compress import CompressionSpec, PayloadError, compress, decode, encode
from locolab.compress.wire import HEADER_BYTES, LENGTHS_AT, reseal

SHAPES = {"w": (8, 12), "v": (5,)}
SPEC = CompressionSpec(chunk=16, k=4, quantizer="templar", group=2)


def update_of(shapes=SHAPES, spec=SPEC):
    generator = torch.Generator().manual_seed(0)
    delta = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return compress(delta, {name: torch.zeros_like(t) for name, t in delta.items()}, spec, "reference")


def sections(blob):
    at, found = HEADER_BYTES, []
    for length in struct.unpack_from("<4Q", blob, LENGTHS_AT):
        found.append(blob[at : at + length])
        at += length
    return found


def with_sections(blob, **replaced):
    """Return the payload with some sections replaced, lengths and checksum made to fit."""
    names = ("dead", "levels", "positions", "values")
    new = [replaced.get(name, old) for name, old in zip(names, sections(blob), strict=True)]
    return reseal(blob[:LENGTHS_AT] + struct.pack("<4Q", *map(len, new)) + bytes(4) + b"".join(new))


def floats(blob, value):
    return np.full(len(sections(blob)[1]) // 4, value, "<f4").tobytes()


def field(blob, offset, data):
    return reseal(blob[:offset] + data + blob[offset + len(data) :])


CLASSES = {
    "quantiser parameters with one number too few": lambda b: with_sections(b, levels=sections(b)[1][:-4]),
    "quantiser parameters with one number too many": lambda b: with_sections(b, levels=sections(b)[1] * 2),
    "another quantiser": lambda b: field(b, 6, b"\2"),
    "float values where codes belong": lambda b: with_sections(
        b, values=np.ones(len(sections(b)[3]), "<f4").tobytes()
    ),
    "a code beyond the codebook": lambda b: with_sections(b, values=b"\xc8" * len(sections(b)[3])),
    "codes of another width": lambda b: with_sections(b, values=sections(b)[3] * 8),
    "a codebook of 3e38": lambda b: with_sections(b, levels=floats(b, 3e38)),
    "a codebook of NaN": lambda b: with_sections(b, levels=floats(b, np.nan)),
    "no positions": lambda b: with_sections(b, positions=b""),
    "no codes": lambda b: with_sections(b, values=b""),
    "no codebook": lambda b: with_sections(b, levels=b""),
    "one position many times": lambda b: with_sections(b, positions=bytes(len(sections(b)[2]))),
    "a gigabyte claimed": lambda b: b[:LENGTHS_AT] + struct.pack("<4Q", 0, 0, 2**30, 0) + b[88:],
    "a megabyte sent": lambda b: reseal(b + bytes(10**6)),
}


@pytest.mark.parametrize("codec", ["templar", "ccloco"])
@pytest.mark.parametrize("name", CLASSES)
def test_each_class_is_refused(name, codec):
    update = update_of()
    blob = encode(update, codec)
    assert decode(with_sections(blob), update.shapes, SPEC) == update
    with pytest.raises(PayloadError):
        decode(CLASSES[name](blob), update.shapes, SPEC)


@pytest.mark.parametrize("codec", ["packed", "entropy"])
@pytest.mark.parametrize("name", [name for name in CLASSES if name != "a code beyond the codebook"])
def test_each_class_is_refused_by_our_own_codecs_too(name, codec):
    """Their codes have just as many values as the codebook, so that none is beyond it."""
    update = update_of()
    with pytest.raises(PayloadError):
        decode(CLASSES[name](encode(update, codec)), update.shapes, SPEC)


@pytest.mark.parametrize(
    "shapes",
    [{"w": (1, 96), "v": (5,)}, {"w": (2, 4, 12), "v": (5,)}, {"w": (12, 8), "v": (5,)}, {"w": (8, 12)}],
)
@pytest.mark.parametrize("codec", ["packed", "entropy", "templar", "ccloco"])
def test_tensors_with_other_leading_sizes_are_refused(shapes, codec):
    with pytest.raises(PayloadError, match="shapes digest"):
        decode(encode(update_of(shapes), codec), SHAPES, SPEC)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int64, np.uint8, np.complex64])
def test_values_of_another_type_are_refused(kind):
    spec = SPEC.replace(quantizer="none")
    update = update_of(spec=spec)
    for codec in ("packed", "entropy"):
        blob = encode(update, codec)
        other = np.frombuffer(sections(blob)[3], "<f4").astype(kind).tobytes()
        with pytest.raises(PayloadError):
            decode(with_sections(blob, values=other), update.shapes, spec)
