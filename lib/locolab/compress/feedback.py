"""`compress`: one round of a sender, from pseudo-gradients and error feedback to a sparse update."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from locolab.compress import kernels
from locolab.compress.selection import Scores
from locolab.compress.spec import CompressionSpec
from locolab.compress.update import SparseUpdate


def compress(
    delta: Mapping[str, torch.Tensor],
    feedback: Mapping[str, torch.Tensor],
    spec: CompressionSpec,
    backend: str = "auto",
    select: Scores | None = None,
) -> SparseUpdate:
    """Return the update that sends the largest entries of decay * feedback + delta, chunk by chunk.

    `delta` (pseudo-gradients) and `feedback` have the same names, shapes and devices, dtype float32;
    `feedback` is updated in place to what was not sent. `backend` is "reference" (plain torch), "cpu" or
    "cuda" (fused) or "auto", which picks by device; all give the same bits. `select` replaces "largest" by
    another integer priority (a teaching control such as `RandomScores`), which the reference alone can do.
    SparseLoCo, arXiv 2603.08163, eq. 1-2.
    Raises ValueError before anything is written if the tensors do not fit together or `backend` is unknown,
    and RuntimeError if it is known but cannot run here.

    By hand, one chunk of four, two entries kept, everything remembered:

    >>> spec = CompressionSpec(chunk=4, k=2, bits=2, decay=1.0)
    >>> feedback = {"w": torch.tensor([0.0, 3.0, 0.0, 0.0])}
    >>> update = compress({"w": torch.tensor([1.0, 2.0, -8.0, 4.0])}, feedback, spec)
    >>> update.positions("w").tolist(), update.values("w").tolist()  # of 1, 5, -8, 4
    ([1, 2], [5.0, -8.0])
    >>> feedback["w"].tolist()
    [1.0, 0.0, 0.0, 4.0]
    """
    check_tensors(delta, feedback)
    devices = {tensor.device.type for tensor in delta.values()}
    compressor, name, reason = kernels.choose(backend, devices, select, spec)
    with torch.no_grad():
        parts = {key: compressor(delta[key], feedback[key], spec) for key in delta}
    shapes = {key: tensor.shape for key, tensor in delta.items()}
    return SparseUpdate(spec, shapes, parts, name, reason)


def check_tensors(delta: Mapping[str, torch.Tensor], feedback: Mapping[str, torch.Tensor]) -> None:
    """Raise ValueError unless both hold float32 tensors of the same names, shapes and devices."""
    if not isinstance(delta, Mapping) or not isinstance(feedback, Mapping):
        raise ValueError("delta and feedback should be dictionaries of tensors")
    if delta.keys() != feedback.keys():
        odd = sorted(map(repr, delta.keys() ^ feedback.keys()))
        raise ValueError(f"delta and feedback should have the same names; only one has {', '.join(odd)}")
    for name in delta:
        if not isinstance(name, str):
            raise ValueError(f"names should be strings, got {name!r}")
        for role, tensor in (("delta", delta[name]), ("feedback", feedback[name])):
            if not isinstance(tensor, torch.Tensor) or tensor.dtype != torch.float32:
                kind = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
                raise ValueError(f"{role}[{name!r}] should be a float32 tensor, got {kind}")
        if delta[name].shape != feedback[name].shape or delta[name].device != feedback[name].device:
            raise ValueError(
                f"delta[{name!r}] and feedback[{name!r}] should agree, got "
                f"{tuple(delta[name].shape)} on {delta[name].device} and "
                f"{tuple(feedback[name].shape)} on {feedback[name].device}"
            )
