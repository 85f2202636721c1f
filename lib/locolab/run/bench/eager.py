"""An eager torch operation sequence (stand-in) for a public sender and receiver of SparseLoCo.

The same steps, each a torch call of its own with its own temporaries: blocks copied together, absolute
values, top-k, gather, two positions in three bytes, statistics and bins, a dense reconstruction subtracted
from the feedback; at the receiver one scattered mean of everybody's entries. Steps as in tplr-ai/templar
v2.1.3, src/tplr/compress.py and src/tplr/neurons.py, written anew. It is no measurement of the authors'
system, which runs on other hardware, several of them to a peer.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import torch

EDGE = 64  # of a block; matrices here have sides that are multiples of it
BINS = 4
SPAN = 6  # standard deviations that the bins cover


class Message(NamedTuple):
    """One matrix as it is sent: 12-bit positions, a byte per code, the mean and the bins' values."""

    packed: torch.Tensor  # uint8, three bytes for two positions
    codes: torch.Tensor  # uint8, (blocks, k)
    mean: torch.Tensor
    book: torch.Tensor


def compress(delta: torch.Tensor, feedback: torch.Tensor, decay: float, k: int) -> Message:
    """Return what is sent of a matrix; `feedback` keeps the rest. `k` is even, of blocks of 64 x 64."""
    feedback.mul_(decay).add_(delta)
    blocks = _blocks(feedback)
    positions = blocks.abs().topk(k, dim=1, sorted=False).indices
    message = _quantised(positions, blocks.gather(1, positions))
    feedback.sub_(_matrix(_scattered([message], [_values(message)]), feedback.shape))
    return message


def aggregate(messages: Sequence[Message], shape: torch.Size) -> torch.Tensor:
    """Return the mean over contributors, each message first scaled down to the lower median norm."""
    values = [_values(message) for message in messages]
    norms = torch.stack([each.norm() for each in values])
    scales = (norms.median() / (norms + 1e-8)).clamp(max=1.0)
    clipped = [each * scale for each, scale in zip(values, scales, strict=True)]
    return _matrix(_scattered(messages, clipped), shape)


def to_bytes(message: Message) -> bytes:
    """Return the message in torch's file format."""
    buffer = io.BytesIO()
    torch.save(message._asdict(), buffer)
    return buffer.getvalue()


def from_bytes(blob: bytes) -> Message:
    """Return the message that `to_bytes` wrote, its positions still packed."""
    return Message(**torch.load(io.BytesIO(blob), weights_only=True))


def _blocks(matrix: torch.Tensor) -> torch.Tensor:
    """Return a copy as (blocks, 4096)."""
    down, across = matrix.shape[0] // EDGE, matrix.shape[1] // EDGE
    return matrix.view(down, EDGE, across, EDGE).transpose(1, 2).reshape(-1, EDGE * EDGE)


def _matrix(blocks: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Return blocks copied back into a matrix."""
    down, across = shape[0] // EDGE, shape[1] // EDGE
    return blocks.view(down, across, EDGE, EDGE).transpose(1, 2).reshape(shape)


def _quantised(positions: torch.Tensor, values: torch.Tensor) -> Message:
    mean = values.mean()
    centred = values - mean
    scale = SPAN / BINS * centred.norm() / (values.numel() - 1) ** 0.5
    scale = torch.where(torch.isfinite(scale) & (scale > 0), scale, torch.ones_like(scale))
    codes = torch.round(centred / scale + BINS // 2).clamp(0, BINS - 1).to(torch.uint8)
    flat = codes.flatten().long()
    sums = torch.zeros(BINS, device=values.device).scatter_add_(0, flat, centred.flatten())
    book = sums / torch.bincount(flat, minlength=BINS).clamp(min=1)
    return Message(packed(positions), codes, mean, book)


def _values(message: Message) -> torch.Tensor:
    return message.book[message.codes.long()] + message.mean


def _scattered(messages: Sequence[Message], values: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return dense blocks with the mean of all entries of a coordinate, zero where there is none."""
    positions = torch.cat([_unpack(message.packed, message.codes.shape) for message in messages], dim=1)
    blocks = torch.zeros(len(positions), EDGE * EDGE, device=positions.device)
    return blocks.scatter_reduce_(1, positions, torch.cat(list(values), dim=1), "mean", include_self=False)


def packed(positions: torch.Tensor) -> torch.Tensor:
    """Return positions below 4096, two in three bytes.

    >>> packed(torch.tensor([[1, 4095]])).tolist()
    [1, 240, 255]
    """
    first, second = positions.view(-1, 2).unbind(1)
    return (
        torch.stack([first % 256, first // 256 + second % 16 * 16, second // 16], 1).to(torch.uint8).view(-1)
    )


def _unpack(packed: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    low, middle, high = packed.view(-1, 3).long().unbind(1)
    return torch.stack([low + middle % 16 * 256, middle // 16 + high * 16], 1).view(shape)
