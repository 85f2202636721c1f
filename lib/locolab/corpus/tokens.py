"""Byte-level BPE: trained on the training documents, and token streams as arrays of uint16."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|end|>"
END_ID = 0
SEPARATOR = "\n"
"""What the end token stands for where text is counted in bytes: one line break after each document."""


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """Return a byte-level BPE with exactly `vocab_size` entries: the end token, 256 bytes, merges.

    The same texts give the same tokenizer. Raises ValueError if they are too short for so many merges.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() < vocab_size:
        raise ValueError(
            f"the training text yields {tokenizer.get_vocab_size()} tokens, fewer than "
            f"vocab_size={vocab_size}; choose a smaller vocabulary or a longer text"
        )
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.uint16]:
    """Return the documents' tokens in a row, each document followed by the end token; shape [n_tokens]."""
    tokenizer.encode_special_tokens = True  # "<|end|>" written out in a text is text, not an end
    parts = [np.array([*encoding.ids, END_ID], np.uint16) for encoding in tokenizer.encode_batch(texts)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16)


def token_bytes(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Return how many UTF-8 bytes of text each token stands for; shape [vocab_size], the end token counts 1.

    Summed over a stream this is the length of `joined` text, which makes nats per token bits per byte.
    """
    sizes = np.zeros(tokenizer.get_vocab_size(), np.int64)
    for token, index in tokenizer.get_vocab().items():
        sizes[index] = len(token)  # byte-level: one character of a token's name is one byte of text
    sizes[END_ID] = len(SEPARATOR)
    return sizes


def joined(texts: Sequence[str]) -> bytes:
    """Return the bytes that a token stream stands for: every document and a line break.

    >>> joined(["one", "zwei"])
    b'one\\nzwei\\n'
    """
    return "".join(text + SEPARATOR for text in texts).encode()
