"""Cleaning, and the split by document: no validation document shares a run of 13 words with training."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from locolab.corpus.sources import Document

RUN = 13
"""Words in a row that count as shared text: the longest run of GPT-3's overlap check (Brown et al. 2020)."""

_INVISIBLE = dict.fromkeys(map(ord, "\u2060\u200b\u200c\u200d\ufeff\u00ad"))
# What the package's article summaries look like where a formula or a pronunciation was stripped.
_HOLE = re.compile(r"\S  +\S|\(\s*[,;]*\s*\)|\(\s|\s\)|\s[,.;:](?=\s|$)")
_ENDED = re.compile(r"[.!?…][\"'”’)\]]*$")


def clean(text: str) -> str:
    """Return the text in NFC, invisible characters removed, every run of blanks made one space.

    The first line break (after a title) and blank lines (between paragraphs) stay.

    >>> clean("Tomato\\nA  red\\u00a0fruit.\\n Eaten\\u2060 raw.")
    'Tomato\\nA red fruit. Eaten raw.'
    """
    head, _, body = unicodedata.normalize("NFC", text).translate(_INVISIBLE).strip().partition("\n")
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", body)]
    return "\n".join(filter(None, [" ".join(head.split()), "\n\n".join(filter(None, paragraphs))]))


def has_hole(text: str) -> bool:
    """Return whether an article lost a formula or word, or was cut off inside a sentence.

    >>> [has_hole(text) for text in ("It is red.", "every number , that is, all.", "It is refined as:")]
    [False, True, True]
    """
    visible = text.translate(_INVISIBLE)
    return bool(_HOLE.search(visible)) or not _ENDED.search(visible.strip())


def select(documents: Iterable[Document]) -> tuple[list[Document], Counter[str]]:
    """Return cleaned documents without holes or exact duplicates, and what was dropped for which reason.

    Holes are looked for in articles only: tables and prose of other sources may end without a full stop.
    """
    kept: dict[str, Document] = {}
    counts: Counter[str] = Counter()
    for document in documents:
        counts["read"] += 1
        text = document.text if document.made else clean(document.text)
        key = " ".join(_words(text.partition("\n")[2] or text))
        if document.id.startswith("wiki/") and has_hole(document.text):
            counts["dropped: hole"] += 1
        elif not key:
            counts["dropped: empty"] += 1
        elif key in kept:
            counts["dropped: duplicate"] += 1
        else:
            kept[key] = document._replace(text=text)
    return list(kept.values()), counts


def split(
    documents: Iterable[Document], fraction: float, seed: int
) -> tuple[list[Document], list[Document], int]:
    """Return (train, validation, dropped): by a hash of id and seed, near-duplicates taken out of validation.

    Texts of the suite's own making are for training only. A validation document that shares any run of 13
    words with a training document (a shorter document: all its words) is dropped and counted, so that a low
    validation loss cannot be recall.
    """
    train: list[Document] = []
    held_out: list[Document] = []
    for document in documents:
        drawn = not document.made and _uniform(f"{seed}:{document.id}") < fraction
        (held_out if drawn else train).append(document)
    wanted = {run for document in held_out for run in runs(document.text)}
    seen = {run for document in train for run in runs(document.text) if run in wanted}
    validation = [document for document in held_out if seen.isdisjoint(runs(document.text))]
    return train, validation, len(held_out) - len(validation)


def runs(text: str) -> Iterator[str]:
    """Yield every run of 13 words, lower case, punctuation ignored; a shorter text is one run."""
    words = _words(text)
    for start in range(max(1, len(words) - RUN + 1)):
        yield " ".join(words[start : start + RUN])


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _uniform(key: str) -> float:
    """Return a number in [0, 1) that only `key` decides."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
