"""Chunk-wise top-k, quantiser, error feedback, wire formats and aggregation: what peers send and add.

>>> import torch
>>> spec = CompressionSpec(chunk=4, k=1, decay=1.0, codec="packed")
>>> feedback = {"w": torch.zeros(8)}
>>> update = compress({"w": torch.tensor([1.0, -6, 2, 0, 3, 0, 1, 2])}, feedback, spec)
>>> update.positions("w").tolist(), update.codes("w").tolist(), update.levels("w").tolist()
([1, 4], [3, 0], [[3.0, 6.0]])
>>> update.dense()["w"].tolist()
[0.0, -6.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0]
>>> feedback["w"].tolist()
[1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0, 2.0]
>>> decode(encode(update), update.shapes, spec) == update
True
"""

from locolab.compress.aggregation import aggregate
from locolab.compress.checks import PayloadError
from locolab.compress.feedback import compress
from locolab.compress.selection import RandomScores
from locolab.compress.sizes import payload_size, position_bound
from locolab.compress.spec import CompressionSpec
from locolab.compress.update import SparseUpdate
from locolab.compress.wire import decode, encode

__all__ = [
    "CompressionSpec",
    "PayloadError",
    "RandomScores",
    "SparseUpdate",
    "aggregate",
    "compress",
    "decode",
    "encode",
    "payload_size",
    "position_bound",
]
