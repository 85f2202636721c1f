"""The terms of the field, each defined once in data/terms.yaml."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml

from locolab.files import data_dir


def define(name: str) -> str:
    """Return the definition of a term; raises KeyError with the nearest known term."""
    known = definitions()
    if name not in known:
        near = difflib.get_close_matches(name, list(known), n=1)
        raise KeyError(
            f"data/terms.yaml has no term {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        )
    return known[name]


@functools.cache
def definitions(path: Path | None = None) -> Mapping[str, str]:
    """Return the definitions by term, as data/terms.yaml lists them."""
    entries = yaml.safe_load((path or data_dir() / "terms.yaml").read_text(encoding="utf-8"))
    return {name: entry if isinstance(entry, str) else entry["definition"] for name, entry in entries.items()}


def glossary() -> pd.DataFrame:
    """Return the glossary: columns term and definition, in alphabetical order."""
    rows = sorted(definitions().items(), key=lambda row: row[0].lower())
    return pd.DataFrame(rows, columns=["term", "definition"])
