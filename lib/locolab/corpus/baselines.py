"""What general-purpose compressors reach on the validation text: a yardstick for bits per byte."""

from __future__ import annotations

import gzip
import lzma


def compressors(text: bytes, before: bytes = b"") -> dict[str, float]:
    """Return bits per byte of `text` under ``gzip -9``, ``xz -9`` and xz that has already read `before`.

    A model has read the training text, so the last one is the fairer comparison: the growth of the
    archive when `text` follows `before` (xz looks back 64 MiB).

    >>> compressors(b"a" * 10_000)["gzip"] < 0.05
    True
    """
    alone = _xz(text)
    sizes = {
        "gzip": len(gzip.compress(text, 9, mtime=0)),
        "xz": alone,
        "xz_after_train": _xz(before + text) - _xz(before) if before else alone,
    }
    return {name: 8 * size / len(text) for name, size in sizes.items()}


def _xz(text: bytes) -> int:
    return len(lzma.compress(text, preset=9))
