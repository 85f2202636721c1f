"""Validation: nats per token, and bits per byte, which do not depend on the tokenizer."""

from __future__ import annotations

import math

import numpy as np
import torch

from locolab import corpus
from locolab.corpus import Corpus
from locolab.train.flat import FlatModel

BATCH = 16
"""Sequences in one forward pass."""


@torch.no_grad()
def evaluate(model: FlatModel, text: Corpus, context: int, sequences: int) -> tuple[float, float]:
    """Return (nats per token, bits per byte) on the first `sequences` validation windows, or all there are.

    Bits per byte is the total loss over ln 2 and the UTF-8 bytes of the target tokens; the end token counts
    as one byte (`Corpus.token_bytes`).
    """
    count = min(sequences, corpus.n_samples(text.validation, context))
    nats, n_tokens, n_bytes = 0.0, 0, 0
    for ids in np.array_split(np.arange(count), -(-count // BATCH)):
        windows = corpus.samples(text.validation, ids, context)
        targets = windows[:, 1:]
        nats += model.loss(windows).item() * targets.size
        n_tokens += targets.size
        n_bytes += int(text.token_bytes[targets].sum())
    return nats / n_tokens, nats / (math.log(2) * n_bytes)
