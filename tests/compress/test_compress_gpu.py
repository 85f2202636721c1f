"""The Triton backend against the reference, bit for bit: on a GPU if there is one, else interpreted.

Triton decides at import whether its interpreter runs the kernels, so the slow test starts this file again in
a process with TRITON_INTERPRET=1.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_cases import FULL, HARD, NOT_FINITE, QUANTIZERS, assert_same_part, normal
from locolab.compress import CompressionSpec, compress, reference
from locolab.compress.kernels import gpu

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETED else "cuda"
kernels_run = pytest.mark.skipif(
    not (INTERPRETED or torch.cuda.is_available()), reason="no GPU; the slow tests run these interpreted"
)
not_inside = pytest.mark.skipif(INTERPRETED, reason="tests of the outer process")
SHAPES = [(), (1,), (37,), (4, 4), (9, 7), (1, 5), (5, 1), (3, 4, 5), (0,), (0, 3)]


def same(delta, feedback, spec):
    """Compress one tensor with the reference and with the kernels, and compare every bit."""
    expected, found = feedback.clone(), feedback.clone().to(DEVICE)
    theirs = reference.compress_tensor(delta, expected, spec)
    ours = gpu.compress_tensor(delta.to(DEVICE), found, spec)
    assert_same_part(ours, theirs)
    assert torch.equal(found.cpu().view(torch.int32), expected.view(torch.int32))
    return ours


@kernels_run
@pytest.mark.parametrize("quantizer", QUANTIZERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_tensor_is_as_the_reference(shape, quantizer):
    for chunk, k, group in ((1, 1, 2), (16, 3, 1), (16, 16, 3), (4096, 64, 2**63 - 1)):
        spec = CompressionSpec(chunk=chunk, k=k, group=group, bits=k % 3 + 1, quantizer=quantizer)
        same(normal(shape, 1), normal(shape, 2), spec)


@kernels_run
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_numbers_are_as_the_reference(data):
    shape = data.draw(st.sampled_from([(9,), (5, 7), (2, 3, 2)]))
    palette = data.draw(st.sampled_from([[0.0, -0.0], [1.0, -1.0, 0.0], HARD, HARD + NOT_FINITE]))
    numbers = st.lists(st.sampled_from(palette), min_size=math.prod(shape), max_size=math.prod(shape))
    delta, feedback = (torch.tensor(data.draw(numbers), dtype=torch.float32).reshape(shape) for _ in range(2))
    spec = CompressionSpec(
        chunk=9,
        k=data.draw(st.integers(1, 9)),
        bits=data.draw(st.integers(1, 3)),
        decay=data.draw(st.sampled_from([0.0, 0.1, 0.95, 1.0])),
        quantizer=data.draw(st.sampled_from(QUANTIZERS)),
        group=data.draw(st.sampled_from([1, 2, 64])),
    )
    same(delta, feedback, spec)


@kernels_run
@pytest.mark.parametrize("name", FULL)
def test_full_chunks_of_hard_numbers_are_as_the_reference(name):
    shape = (70, 130)  # two full blocks and smaller ones on both edges
    delta, feedback = (FULL[name](normal(math.prod(shape), seed)).reshape(shape) for seed in (0, 9))
    for k, bits in ((1, 2), (64, 1), (64, 3), (4096, 2)):
        same(delta, feedback, CompressionSpec(k=k, bits=bits, group=4, decay=1.0))
    same(delta, torch.zeros(shape), CompressionSpec(quantizer="none"))


@kernels_run
def test_more_entries_in_a_group_than_the_kernel_looks_at_together():
    spec = CompressionSpec(chunk=256, k=200, bits=3, group=40)
    assert spec.k * spec.group > 4 * gpu.TILE
    same(normal((100, 100), 1, spread=20), normal((100, 100), 2), spec)


@kernels_run
def test_no_multiplication_is_fused_with_an_addition():
    """Products that just cancel: with one rounding instead of two, sums would not be 0."""
    feedback = normal((64, 64), 3)
    delta = -(feedback * torch.tensor(0.95))
    assert same(delta, feedback, CompressionSpec()).dead.tolist() == [0]


@kernels_run
def test_tensors_that_are_not_contiguous_or_overlap_are_as_the_reference():
    spec = CompressionSpec(chunk=16, k=3, decay=0.5)
    for change in (lambda x: x.T, lambda x: x[::2], lambda x: x[:, 1:5]):
        expected, found = normal((12, 10), 2), normal((12, 10), 2).to(DEVICE)
        reference.compress_tensor(change(normal((12, 10), 1)), change(expected), spec)
        gpu.compress_tensor(change(normal((12, 10), 1).to(DEVICE)), change(found), spec)
        assert torch.equal(found.cpu(), expected)
    for first, second in ((0, 0), (0, 3), (3, 0)):  # delta and feedback in one piece of memory
        expected, found = normal(43, 4), normal(43, 4).to(DEVICE)
        reference.compress_tensor(expected[first : first + 40], expected[second : second + 40], spec)
        gpu.compress_tensor(found[first : first + 40], found[second : second + 40], spec)
        assert torch.equal(found.cpu(), expected)


@kernels_run
@not_inside
def test_auto_takes_the_gpu_kernel_for_tensors_on_a_gpu():
    update = compress(
        {"w": torch.ones(9, device="cuda")}, {"w": torch.zeros(9, device="cuda")}, CompressionSpec()
    )
    assert update.backend == "cuda"


def test_chunks_that_registers_cannot_hold_are_refused():
    spec = CompressionSpec(chunk=2**16)
    assert "chunk=65536 is above 16384" in gpu.why_not(spec)
    with pytest.raises(RuntimeError, match="is above 16384"):
        gpu.compress_tensor(torch.ones(4), torch.zeros(4), spec)


def test_rows_that_32_bits_cannot_number_are_refused():
    wide = torch.empty(64, 2**25, device="meta")
    with pytest.raises(RuntimeError, match="rows of 33554432 elements"):
        gpu.compress_tensor(wide, wide, CompressionSpec())


@not_inside
def test_without_a_gpu_the_backend_says_so():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(
        RuntimeError, match=r"'cuda' is not available.*(no CUDA device|triton is not installed)"
    ):
        compress({"w": torch.ones(4)}, {"w": torch.zeros(4)}, CompressionSpec(), backend="cuda")


@not_inside
@pytest.mark.slow
def test_interpreted_kernels_are_as_the_reference():
    pytest.importorskip("triton")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", __file__],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 40


POINTERS = {"delta": "fp32", "feedback": "fp32", "value": "fp32", "level": "fp32", "code": "u8"}
POINTERS |= {"local": "i16", "position": "i64", "start": "i64", "peak": "i32"}


@not_inside
@pytest.mark.slow
@pytest.mark.parametrize("fused", [False, True])
def test_compiled_for_a_gpu_every_operation_rounds_by_itself(fused, tmp_path, monkeypatch):
    """Triton's compiler needs no GPU. Left alone, it would fuse: the search below can find something."""
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from locolab.compress.kernels import triton_kernels

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    found = set()
    for kernel, constants in (
        (triton_kernels.select_chunk, {"WIDTH": 64, "BLOCK": 4096}),
        (triton_kernels.quantise_group, {"BITS": 2, "BLOCK": gpu.TILE}),
    ):
        types = {"decay": "fp32", "origin": "i64"} | dict.fromkeys(constants, "constexpr")
        types |= {f"{name}_ptr": f"*{kind}" for name, kind in POINTERS.items()}
        signature = {name: types.get(name, "i32") for name in kernel.arg_names}
        options = gpu.OPTIONS | {"num_warps": 16, "enable_fp_fusion": fused}
        source = ASTSource(kernel, signature=signature, constexprs=constants)
        compiled = triton.compile(source, target=GPUTarget("cuda", 80, 32), options=options)
        found |= set(re.findall(r"\b((?:fma|mul|add|sub|div)\.[a-z.]*f(?:32|64))\b", compiled.asm["ptx"]))
        assert len(compiled.asm["cubin"]) > 1000
    exact = {"mul.rn.f32", "add.rn.f32", "sub.rn.f32", "mul.rn.f64", "add.rn.f64", "div.rn.f64"}
    assert (found == exact) is not fused
    assert any(name.startswith("fma") for name in found) is fused
