"""Which implementation of `compress` runs: plain torch to be read, or one fused pass on a CPU or a GPU.

A fused backend is a module with two functions: `compress_tensor(delta, feedback, spec) -> Part`, which does
what `reference.compress_tensor` does, bit for bit, feedback in place included, and `why_not(spec) -> str`,
which says why it cannot do so on this machine ("" if it can). It is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from functools import lru_cache, partial
from types import ModuleType

import torch

from locolab.compress import reference
from locolab.compress.part import Part
from locolab.compress.selection import Scores, magnitude_bits
from locolab.compress.spec import CompressionSpec

TensorCompressor = Callable[[torch.Tensor, torch.Tensor, CompressionSpec], Part]
"""Compresses one fp32 tensor: (delta, feedback, spec) -> what is sent; feedback becomes what was not."""

FUSED = {"cpu": "locolab.compress.kernels.cpu", "cuda": "locolab.compress.kernels.gpu"}
"""Every fused backend, named after the type of device whose tensors it takes, and its module."""

BACKENDS = ("reference", *FUSED)

_USUAL = CompressionSpec()


def choose(
    backend: str, devices: Collection[str], select: Scores | None = None, spec: CompressionSpec = _USUAL
) -> tuple[TensorCompressor, str, str]:
    """Return (compressor, its backend's name, why that one) for tensors on these types of device.

    "auto" takes the fused backend of the device that all tensors are on, else the reference; a `select` other
    than the magnitude always takes the reference. Raises ValueError for a name that is not known and
    RuntimeError for a backend that cannot run here or not on these tensors.

    >>> choose("reference", {"cpu"})[1:]
    ('reference', 'asked for')
    """
    if backend not in ("auto", *BACKENDS):
        raise ValueError(f"backend {backend!r} is not known; choose auto, {', '.join(BACKENDS)}")
    if select not in (None, magnitude_bits):
        reason = "only the reference knows priorities other than the magnitude"
        return partial(reference.compress_tensor, select=select), "reference", f"{backend}: {reason}"
    if backend == "reference":
        return reference.compress_tensor, backend, "asked for"
    kinds = sorted(set(devices))
    name = backend if backend in FUSED else "/".join(kinds)
    fused, obstacle = load(name, spec) if name in FUSED else (None, "no fused backend is for these")
    if kinds != [name] and kinds and fused:
        fused, obstacle = None, f"it takes tensors on {name}"
    if fused:
        return fused, name, "asked for" if backend == name else f"auto: fused, for tensors on {name}"
    where = f"tensors on {' and '.join(kinds) or 'no device'}: {obstacle}"
    if backend == "auto":
        return reference.compress_tensor, "reference", f"auto: {where}"
    raise RuntimeError(f"backend {backend!r} is not available, {where}; use 'auto' or 'reference'")


@lru_cache
def load(name: str, spec: CompressionSpec = _USUAL) -> tuple[TensorCompressor | None, str]:
    """Return (compressor, "") of a fused backend, or (None, why it cannot do this here); cached."""
    try:
        module = importlib.import_module(FUSED[name])
    except ImportError as error:
        return None, str(error)
    obstacle = module.why_not(spec)
    return (None, obstacle) if obstacle else (module.compress_tensor, "")


@lru_cache
def fused_sparse() -> ModuleType | None:
    """Return the module of fused kernels over what updates send, or None where it cannot be had; cached."""
    try:
        return importlib.import_module("locolab.compress.kernels.sparse")
    except ImportError:
        return None
