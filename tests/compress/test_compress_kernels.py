"""The fused CPU backend against the reference, bit for bit, and how a backend is chosen."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import tracemalloc

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_cases import FULL, HARD, NOT_FINITE, QUANTIZERS, assert_same_part, normal
from locolab.compress import CompressionSpec, RandomScores, compress, kernels
from locolab.compress.kernels import compiled, cpu

SHAPES = [(), (1,), (37,), (300,), (4, 4), (9, 7), (97, 61), (1, 5), (5, 1), (3, 4, 5), (0,), (0, 3), (3, 0)]


def same(delta, feedback, spec, backend="cpu"):
    """Compress with the reference and with `backend`, compare every bit, and return the update."""
    expected, given_ = feedback.clone(), feedback.clone()
    reference = compress({"w": delta}, {"w": expected}, spec, "reference")
    update = compress({"w": delta}, {"w": given_}, spec, backend)
    assert_same_part(update.part("w"), reference.part("w"))
    assert torch.equal(given_.view(torch.int32), expected.view(torch.int32))
    assert update == reference
    assert update.nonfinite == reference.nonfinite
    return update


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_every_shape_of_tensor_is_as_the_reference(shape, quantizer):
    for chunk, k in ((1, 1), (16, 3), (16, 16), (64, 1), (4096, 64)):
        for group in (1, 3, 2**63 - 1):
            spec = CompressionSpec(chunk=chunk, k=k, group=group, bits=k % 3 + 1, quantizer=quantizer)
            same(normal(shape, 1), normal(shape, 2), spec)
    same(normal(shape, 1), normal(shape, 2), CompressionSpec(chunk=2**60, k=2**60))


numbers = st.one_of(
    st.sampled_from(HARD), st.floats(width=32, allow_nan=False), st.integers(-2, 2).map(float)
)


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_any_numbers_are_as_the_reference(data):
    shape = data.draw(st.sampled_from([(), (9,), (23,), (5, 7), (6, 6), (2, 3, 2)]))
    spec = CompressionSpec(
        chunk=data.draw(st.sampled_from([1, 4, 9, 16])),
        k=1,
        bits=data.draw(st.integers(1, 3)),
        decay=data.draw(st.sampled_from([0.0, 0.1, 0.95, 1.0])),
        quantizer=data.draw(st.sampled_from(QUANTIZERS)),
        group=data.draw(st.sampled_from([1, 2, 3, 64])),
    )
    spec = spec.replace(k=data.draw(st.integers(1, spec.chunk)))
    size = math.prod(shape)
    palette = data.draw(st.sampled_from([[0.0, -0.0], [1.0, -1.0, 0.0], HARD, HARD + NOT_FINITE, None]))
    drawn = numbers if palette is None else st.sampled_from(palette)
    delta, feedback = (
        torch.tensor(data.draw(st.lists(drawn, min_size=size, max_size=size)), dtype=torch.float32)
        for _ in range(2)
    )
    same(delta.reshape(shape), feedback.reshape(shape), spec)


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_full_chunks_of_hard_numbers_are_as_the_reference(name, quantizer):
    for number, shape in enumerate(((150, 210), (9000,))):
        delta = FULL[name](normal(math.prod(shape), number)).reshape(shape)
        for k in (1, 64, 2000, 4096):
            for feedback in (torch.zeros(shape), FULL[name](normal(math.prod(shape), 9)).reshape(shape)):
                spec = CompressionSpec(k=k, bits=k % 3 + 1, group=2, decay=1.0, quantizer=quantizer)
                same(delta, feedback, spec)


def test_no_multiplication_is_fused_with_an_addition():
    """Products that just fail to cancel: with one rounding instead of two the sum would not be 0."""
    feedback = normal((64, 64), 3)
    delta = -(feedback * torch.tensor(0.95))
    assert (delta.double() + feedback.double() * float(np.float32(0.95))).count_nonzero() > 3000
    update = same(delta, feedback, CompressionSpec())
    assert update.part("w").dead.tolist() == [0]


def test_levels_are_exact_sums_whatever_their_order():
    """2**16 magnitudes that cancel in no order: a float64 sum would depend on it, the contract's does not."""
    values = torch.tensor([2.0**20, 1e-4, 3.0, 2.0**-20 * 1.3]).repeat(2**14).reshape(256, 256)
    spec = CompressionSpec(k=4096, group=64)
    forwards = same(values, torch.zeros(256, 256), spec).levels("w")
    backwards = same(values.flip(0, 1).contiguous(), torch.zeros(256, 256), spec).levels("w")
    assert torch.equal(forwards, backwards)


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_threads_change_nothing(quantizer):
    before = torch.get_num_threads()
    delta, feedback = normal((1100, 1111), 1), normal((1100, 1111), 2)
    spec = CompressionSpec(group=5, quantizer=quantizer)
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            same(delta, feedback, spec)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("threads", "units", "elements"), [(4, 9, 10**9), (4, 3, 10**9), (4, 9, 10), (1, 9, 10**9)]
)
def test_shares_of_threads_cover_every_unit_once(monkeypatch, threads, units, elements):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    shares = []
    cpu.in_parallel(lambda first, last: shares.append((first, last)), units, elements)
    assert sorted(n for first, last in shares for n in range(first, last)) == list(range(units))
    assert len(shares) == max(1, min(threads, units, elements // 2**18))


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def work(first, last):
        if last == 4:
            raise OSError("in the second share")

    with pytest.raises(OSError, match="second share"):
        cpu.in_parallel(work, 4, 10**9)


def test_several_python_threads_may_compress_at_once():
    spec, results = CompressionSpec(), {}

    def run(seed):
        feedback = {"w": torch.zeros(700, 800)}
        results[seed] = compress({"w": normal((700, 800), seed)}, feedback, spec, "cpu")

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, update in results.items():
        assert update == compress(
            {"w": normal((700, 800), seed)}, {"w": torch.zeros(700, 800)}, spec, "reference"
        )


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_tensors_that_are_not_contiguous_or_overlap_are_as_the_reference(quantizer):
    spec = CompressionSpec(chunk=16, k=3, decay=0.5, quantizer=quantizer)
    for change in (lambda x: x.T, lambda x: x[::2], lambda x: x[:, 1:5], lambda x: x[1:]):
        results = []
        for backend in ("reference", "cpu"):
            delta, feedback = normal((40, 30), 1), normal((40, 30), 2)
            update = compress({"w": change(delta)}, {"w": change(feedback)}, spec, backend)
            results.append((update, feedback, delta))
        assert results[0][0] == results[1][0]
        assert torch.equal(results[0][1], results[1][1])
        assert torch.equal(results[1][2], normal((40, 30), 1))
    for first, second in ((0, 0), (0, 3), (3, 0)):  # delta and feedback in one piece of memory
        memories = [normal(403, 4) for _ in range(2)]
        updates = [
            compress({"w": m[first : first + 400]}, {"w": m[second : second + 400]}, spec, backend)
            for m, backend in zip(memories, ("reference", "cpu"), strict=True)
        ]
        assert updates[0] == updates[1]
        assert torch.equal(*memories)


def test_parameters_may_be_given():
    spec = CompressionSpec(chunk=16, k=3)
    delta, feedback = torch.nn.Parameter(normal((9, 9), 1)), torch.nn.Parameter(normal((9, 9), 2))
    expected = normal((9, 9), 2)
    assert compress({"w": delta}, {"w": feedback}, spec, "cpu") == compress(
        {"w": delta}, {"w": expected}, spec, "reference"
    )
    assert torch.equal(feedback.detach(), expected)


# --- choice


def test_auto_takes_the_cpu_kernel_and_says_so():
    update = compress({"w": torch.ones(4)}, {"w": torch.zeros(4)}, CompressionSpec())
    assert (update.backend, update.backend_reason) == ("cpu", "auto: fused, for tensors on cpu")
    assert compress({}, {}, CompressionSpec()).backend == "reference"


def test_priorities_other_than_the_magnitude_take_the_reference_and_say_so():
    for backend in ("auto", "cpu"):
        update = compress(
            {"w": torch.ones(4)}, {"w": torch.zeros(4)}, CompressionSpec(), backend, select=RandomScores(0)
        )
        assert update.backend == "reference"
        assert "priorities" in update.backend_reason


def test_a_kernel_that_cannot_be_had_leaves_the_reference(monkeypatch):
    monkeypatch.setitem(kernels.FUSED, "cpu", "locolab.compress.no_such_module")
    kernels.load.cache_clear()
    try:
        update = compress({"w": torch.ones(4)}, {"w": torch.zeros(4)}, CompressionSpec())
        assert update.backend == "reference"
        assert "no_such_module" in update.backend_reason
        with pytest.raises(RuntimeError, match=r"'cpu' is not available.*no_such_module"):
            kernels.choose("cpu", {"cpu"})
    finally:
        kernels.load.cache_clear()


def test_a_kernel_takes_tensors_of_its_device_only():
    with pytest.raises(RuntimeError, match="tensors on cuda: it takes tensors on cpu"):
        kernels.choose("cpu", {"cuda"})
    with pytest.raises(RuntimeError, match="tensors on cpu and meta"):
        kernels.choose("cpu", {"cpu", "meta"})
    assert kernels.choose("auto", {"cpu", "cuda"})[1] == "reference"
    assert kernels.choose("auto", {"meta"})[1:] == (
        "reference",
        "auto: tensors on meta: no fused backend is for these",
    )


def test_importing_the_room_compiles_and_imports_nothing():
    script = "import sys, locolab.compress; print('numba' in sys.modules, 'triton' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


# --- memory and compiling


@pytest.mark.parametrize("quantizer", ["magnitude", "none"])
def test_memory_beside_the_tensors_is_a_tenth_of_one(quantizer):
    delta, spec = {"w": normal((1500, 2000))}, CompressionSpec(quantizer=quantizer)
    feedback = {"w": torch.zeros(1500, 2000)}
    compress(delta, feedback, spec, "cpu")  # compiled, and geometry cached
    tracemalloc.start()
    compress(delta, feedback, spec, "cpu")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * 4 * 1500 * 2000


def test_without_a_place_to_keep_it_code_is_compiled_all_the_same(monkeypatch):
    def njit(**options):
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(compiled, "njit", njit)
    assert compiled.jit(lambda x: x * x + 1)(3) == 10
