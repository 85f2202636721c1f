"""What the benchmark of compression runs: one matrix, many updates of it, each operation as a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch

from locolab import compress
from locolab.compress import CompressionSpec, SparseUpdate, kernels
from locolab.compress.chunks import geometry
from locolab.compress.kernels import gpu
from locolab.run.bench import eager

SPEC = CompressionSpec()
CODECS = ("packed", "entropy")
PUBLIC = "eager torch operation sequence (stand-in)"
FLOOR = "floor"
COPY = "copy"

Call = Callable[[], object]


class Operation(NamedTuple):
    """A call to be timed, and the fewest bytes that any program doing the same must read and write."""

    name: str
    method: str
    call: Call
    least_bytes: float
    dense_bytes: float = 0.0  # of the dense tensors it returns


class Workload:
    """A pseudo-gradient of about `size` elements drawn from a normal distribution, and updates of many peers.

    All operations share one feedback, so that the largest size fits; it stays bounded, as every call of
    `compress` sends its largest entries and every call of the floor decays it.
    """

    def __init__(self, size: int, peers: Sequence[int], device: str) -> None:
        shape = matrix_shape(size)
        draw = torch.Generator(device).manual_seed(0)
        self.delta = torch.empty(shape, device=device).normal_(generator=draw)
        self.feedback = torch.empty(shape, device=device).normal_(generator=draw)
        self.peers = tuple(peers)
        self.numel = self.delta.numel()
        self.updates = [self._update(draw) for _ in range(max(peers))]
        self.messages = [_message(update, device) for update in self.updates]

    def operations(self) -> Iterator[Operation]:
        """Yield every operation that can run here, with each method."""
        yield from self._compressing()
        yield from self._coding()
        for count in self.peers:
            yield from self._aggregating(count)

    def _update(self, draw: torch.Generator) -> SparseUpdate:
        delta = torch.empty_like(self.delta).normal_(generator=draw)
        return compress.compress({"w": delta}, {"w": torch.zeros_like(delta)}, SPEC)

    def _compressing(self) -> Iterator[Operation]:
        delta, feedback = self.delta, self.feedback
        passes = 4.0 * self.numel  # bytes of one tensor
        yield Operation("compress", COPY, lambda: feedback.copy_(delta), 2 * passes)
        yield Operation("compress", FLOOR, lambda: feedback.mul_(SPEC.decay).add_(delta), 3 * passes)
        public = partial(eager.compress, delta, feedback, SPEC.decay, SPEC.k)
        yield Operation("compress", PUBLIC, public, 3 * passes)
        for backend in kernels.BACKENDS:
            if not why_not(backend, self.delta.device):
                ours = partial(compress.compress, {"w": delta}, {"w": feedback}, SPEC, backend)
                yield Operation("compress", backend, ours, 3 * passes)
        if not why_not("cuda", delta.device):
            alone = partial(_kernels_alone, delta, feedback)
            yield Operation("compress", "cuda, left on the device", alone, 3 * passes)

    def _coding(self) -> Iterator[Operation]:
        message, update, shapes = self.messages[0], self.updates[0], self.updates[0].shapes
        saved = eager.to_bytes(message)
        blobs = {codec: compress.encode(update, codec) for codec in CODECS}
        yield Operation("encode", PUBLIC, lambda: eager.to_bytes(message), len(saved))
        for codec, blob in blobs.items():
            yield Operation("encode", codec, partial(compress.encode, update, codec), len(blob))
        yield Operation("decode", PUBLIC, lambda: eager.from_bytes(saved), len(saved))
        for codec, blob in blobs.items():
            yield Operation("decode", codec, partial(compress.decode, blob, shapes, SPEC), len(blob))

    def _aggregating(self, count: int) -> Iterator[Operation]:
        name, dense = f"aggregate, {count} peers", 4.0 * self.numel
        updates, messages, shape = self.updates[:count], self.messages[:count], self.delta.shape
        clipped = partial(compress.aggregate, updates, "contributor_mean", "median_norm")
        yield Operation(name, FLOOR, lambda: self.feedback.zero_(), dense)
        yield Operation(name, PUBLIC, lambda: eager.aggregate(messages, shape), dense, dense)
        yield Operation(name, "contributors, clipped", clipped, dense, dense)
        yield Operation(name, "mean", partial(compress.aggregate, updates), dense, dense)


def matrix_shape(size: int) -> tuple[int, int]:
    """Return sides of a matrix of about `size` elements, both multiples of a block's edge.

    >>> matrix_shape(10**7)
    (3136, 3200)
    """
    edge = eager.EDGE
    rows = max(1, round(size**0.5 / edge)) * edge
    return rows, max(1, round(size / rows / edge)) * edge


def why_not(backend: str, device: torch.device) -> str | None:
    """Return why a backend cannot compress tensors of this device here; None if it can."""
    one = torch.zeros(1, device=device)
    try:
        compress.compress({"w": one}, {"w": one.clone()}, SPEC, backend)
    except RuntimeError as error:
        return str(error)
    return None


def _kernels_alone(delta: torch.Tensor, feedback: torch.Tensor) -> object:
    """Return what the GPU backend makes before anything goes to the host."""
    chunks = geometry(delta.shape, SPEC)
    entries = gpu.select(delta, feedback, chunks, SPEC)
    return entries, gpu.magnitude_codes(entries, feedback, chunks, SPEC)


def _message(update: SparseUpdate, device: str) -> eager.Message:
    """Return the same entries as the stand-in sends them; the bins' values do not matter for its speed."""
    part = update.part("w")
    positions = torch.from_numpy(part.local.copy()).view(part.geometry.n_chunks, -1).to(device)
    codes = torch.from_numpy(part.codes.copy()).view_as(positions).to(device)
    book = torch.linspace(-2, 2, eager.BINS, device=device)
    return eager.Message(eager.packed(positions), codes, torch.zeros((), device=device), book)
