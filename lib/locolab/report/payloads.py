"""What a run's payloads cost, section by section, and what their codes lose, on its own pseudo-gradients.

A run keeps peer 0's pseudo-gradients; compressing them again under the run's own settings gives the very
payloads it sent, and in between the memory that every other format and quantiser would have started from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from locolab.compress import CompressionSpec, SparseUpdate, compress
from locolab.compress.part import quantised_part
from locolab.compress.spec import CODECS

if TYPE_CHECKING:
    from locolab.train import RunResult


PUBLIC = "public, 4 bins"
WHOLE_TENSOR = 2**40
"""A group of more chunks than any tensor has: one scale for the whole tensor."""

SCALES = {"tensor": WHOLE_TENSOR, "64 chunks": 64, "16 chunks": 16, "4 chunks": 4, "2 chunks": 2, "chunk": 1}
"""Whose kept values share their levels, by the words on figures and tables."""

QUANTISERS: Mapping[str, Mapping[str, Any]] = {
    PUBLIC: {"quantizer": "templar"},
    **{
        f"{bits} bit{'s' * (bits > 1)} per {scale}": {"bits": bits, "group": group}
        for bits in (1, 2, 3)
        for scale, group in SCALES.items()
    },
}
"""The public code's rule (tplr-ai/templar v2.1.3) and ours with 1, 2 or 3 bits: fields of a spec."""


THRIFTY = "1 bit per 2 chunks"
"""The quantiser of `CompressionSpec.thrifty()`."""

ARMS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "values=templar": ("public", "public", {"quantizer": "templar"}),
    "paper": ("2 bits", "paper", {}),
    "bits=2 group=1": ("2 bits", "2 bits per chunk", {"group": 1}),
    "bits=1": ("1 bit", "1 bit per 64 chunks", {"bits": 1}),
    "thrifty": ("thrifty", "thrifty", {"bits": 1, "group": 2}),
    "bits=1 group=1": ("1 bit", "1 bit per chunk", {"bits": 1, "group": 1}),
    "bits=3": ("3 bits", "3 bits per 64 chunks", {"bits": 3}),
    "k=16": ("k", "k = 16", {"k": 16}),
    "k=256": ("k", "k = 256", {"k": 256}),
    "values=fp32": ("fp32", "fp32", {"quantizer": "none"}),
}
"""Recorded runs that differ in what a value costs: arm -> family, name, fields unlike the paper's."""


@dataclass(frozen=True)
class Sent:
    """One round of peer 0: what it produced, what it remembered before, and the update it sent."""

    round: int
    delta: Mapping[str, Tensor]
    before: Mapping[str, Tensor]  # error feedback before the round
    update: SparseUpdate

    def under(self, spec: CompressionSpec) -> SparseUpdate:
        """Return the update of the same round and memory under other settings."""
        feedback = {name: tensor.clone() for name, tensor in self.before.items()}
        return compress(dict(self.delta), feedback, spec)


def sent_by(result: RunResult) -> Iterator[Sent]:
    """Yield peer 0's rounds of a SparseLoCo run, as many as it kept (`TrainSpec.keep_deltas`).

    Raises ValueError for a run that was not compressed by magnitude or kept nothing.
    """
    spec = result.spec.compression
    if spec is None or result.spec.selection != "magnitude" or not result.spec.keep_deltas:
        raise ValueError("needs a run with compression, selection 'magnitude' and keep_deltas above 0")
    deltas = result.deltas()
    feedback = {name: torch.zeros_like(tensor) for name, tensor in deltas[0].items()}
    for number, delta in enumerate(deltas, 1):
        before = {name: tensor.clone() for name, tensor in feedback.items()}
        yield Sent(number, delta, before, compress(delta, feedback, spec))


def cost(update: SparseUpdate, codec: str) -> dict[str, Any]:
    """Return what an update costs in a codec, everything counted.

    bytes: of the whole payload; positions, values, rest (scales and header): bits per kept value; bits: their
    sum; ratio_fp32, ratio_bf16: bytes of the dense update in that type / bytes of the payload.

    >>> spec = CompressionSpec(chunk=16, k=4)
    >>> update = compress({"w": torch.arange(16.0)}, {"w": torch.zeros(16)}, spec)
    >>> found = cost(update, "packed")
    >>> found["bytes"], found["positions"], found["values"]  # 92 of header, 8 of scales, 6, 1
    (107, 12.0, 2.0)
    """
    sections = update.sections(codec)
    payload = sum(sections.values())
    bits = {name: 8 * size / update.n_kept for name, size in sections.items()}
    return {
        "codec": codec,
        "bytes": payload,
        "positions": bits["positions"],
        "values": bits["values"],
        "rest": bits["scales"] + bits["header"],
        "bits": 8 * payload / update.n_kept,
        "ratio_fp32": 4 * update.numel / payload,
        "ratio_bf16": 2 * update.numel / payload,
    }


def costs(runs: Sequence[RunResult], codecs: Sequence[str] = CODECS) -> pd.DataFrame:
    """Return `cost` of every kept round of every run in every codec, with columns seed and round.

    The public programs' codecs carry the public quantiser's codes; the others the run's own.
    """
    rows = []
    for result in runs:
        for sent in sent_by(result):
            updates = {True: sent.update, False: sent.under(sent.update.spec.replace(quantizer="templar"))}
            for codec in codecs:
                update = updates[codec in ("packed", "entropy")]
                rows.append({"seed": result.spec.seed, "round": sent.round, **cost(update, codec)})
    return pd.DataFrame(rows)


def loss(update: SparseUpdate, exact: SparseUpdate) -> dict[str, float]:
    """Return what the codes of an update lose against the exact values of the same entries.

    error: relative L2 error over all tensors; wrong_signs: share of entries with another sign than the exact
    value; code_bits: entropy of the code frequencies, bits; code_0, code_1, ...: share of every code.
    Raises ValueError if the two do not keep the same positions.
    """
    missed = whole = signs = 0.0
    counts = np.zeros(8, np.int64)
    for name in exact.shapes:
        if not torch.equal(update.positions(name), exact.positions(name)):
            raise ValueError(f"{name}: the two updates keep different positions")
        coded, values = update.values(name).double(), exact.values(name).double()
        missed += float((coded - values).square().sum())
        whole += float(values.square().sum())
        signs += int((coded.sign() != values.sign()).sum())
        counts += np.bincount(update.codes(name).numpy(), minlength=8)
    shares = counts / max(counts.sum(), 1)
    used = shares[shares > 0]
    found = {"error": (missed / whole) ** 0.5 if whole else 0.0, "wrong_signs": signs / exact.n_kept}
    found["code_bits"] = float(-(used * np.log2(used)).sum()) + 0.0
    return {**found, **{f"code_{code}": float(share) for code, share in enumerate(shares)}}


def recoded(exact: SparseUpdate, spec: CompressionSpec) -> SparseUpdate:
    """Return the same entries under the quantiser of another spec, without choosing them again.

    `exact` carries fp32 values (quantizer "none", else ValueError); chunk and k of `spec` are the same.
    """
    if exact.spec.quantizer != "none":
        raise ValueError(f"needs exact values, got quantizer {exact.spec.quantizer!r}")
    parts = {}
    for name in exact.shapes:
        part = exact.part(name)
        parts[name] = quantised_part(part.geometry, part.local, part.exact, part.dead, part.broken, spec)
    return replace(exact, spec=spec, _parts=parts)


def quantised(exact: SparseUpdate, quantisers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for every quantiser on the entries of an exact update: its size and its `loss`.

    `quantisers` maps a label to the fields of the spec that differ. packed, entropy: bits of a kept value in
    that codec, everything counted; ratio_packed, ratio_entropy: bytes of the dense fp32 update / bytes sent.
    """
    rows = []
    for label, fields in quantisers.items():
        update = recoded(exact, exact.spec.replace(**{"quantizer": "magnitude", **fields}))
        row: dict[str, Any] = {"quantiser": label}
        for codec in ("packed", "entropy"):
            found = cost(update, codec)
            row |= {codec: found["bits"], f"ratio_{codec}": found["ratio_fp32"]}
        rows.append({**row, **loss(update, exact)})
    return rows


def losses(
    runs: Sequence[RunResult],
    quantisers: Mapping[str, Mapping[str, Any]],
    rounds: Collection[int] | None = None,
) -> pd.DataFrame:
    """Return `quantised` for the kept rounds of several runs, with columns seed and round.

    The memory that each round starts from is the run's own. `rounds` chooses some of the kept ones.
    """
    rows = []
    for result in runs:
        for sent in sent_by(result):
            if rounds is not None and sent.round not in rounds:
                continue
            exact = sent.under(sent.update.spec.replace(quantizer="none"))
            where = {"seed": result.spec.seed, "round": sent.round}
            rows += [{**where, **row} for row in quantised(exact, quantisers)]
    return pd.DataFrame(rows)
