"""The glossary: each term of data/terms.yaml once."""

from __future__ import annotations

import dataclasses
import difflib
from collections import Counter
from pathlib import Path

import pandas as pd
import yaml

from locolab.files import data_dir
from locolab.report.fields import Fields, LedgerError

TOPICS = ("training", "compression", "gauntlet", "network", "economy", "statistics")


@dataclasses.dataclass(frozen=True)
class Term:
    """A term with its definition, its symbol in equations, where it is explained first and its source."""

    id: str
    topic: str
    term: str
    definition: str
    symbol: str
    notebook: str
    source: str


def load_terms(path: Path | None = None) -> dict[str, Term]:
    """Return the terms of `path` (default: data/terms.yaml) by id, in the order of the file.

    Raises LedgerError for an entry that does not follow the schema, or an id or a term that stands twice.
    """
    path = path or data_dir() / "terms.yaml"
    entries = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    terms = [_term(entry) for entry in entries]
    for name in ("id", "term"):
        for value, count in Counter(getattr(term, name) for term in terms).items():
            if count > 1:
                raise LedgerError(
                    f"{path.name}: {name} {value!r} stands {count} times; define each term once"
                )
    return {term.id: term for term in terms}


def define(name: str) -> Term:
    """Return the term called `name` (or with that id); raises KeyError with the nearest one.

    >>> define("pseudo-gradient").symbol
    'Delta_r'
    """
    terms = load_terms()
    known = {**terms, **{term.term: term for term in terms.values()}}
    if name not in known:
        near = difflib.get_close_matches(name, list(known), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"data/terms.yaml has no term {name!r}{hint}")
    return known[name]


def glossary(topic: str | None = None) -> pd.DataFrame:
    """Return the terms (of one topic) in alphabetical order: term, symbol, definition, notebook."""
    chosen = [term for term in load_terms().values() if topic in (None, term.topic)]
    rows = [
        (t.term, t.symbol, t.definition, t.notebook) for t in sorted(chosen, key=lambda t: t.term.lower())
    ]
    return pd.DataFrame(rows, columns=["term", "symbol", "definition", "notebook"])


def _term(raw: dict[str, str]) -> Term:
    name = raw.get("id", raw) if isinstance(raw, dict) else raw
    row = Fields(f"term {name}", raw, tuple(f.name for f in dataclasses.fields(Term)))
    return Term(
        id=row.text("id"),
        topic=row.word("topic", TOPICS),
        term=row.text("term"),
        definition=row.text("definition"),
        symbol=row.text("symbol", ""),
        notebook=row.text("notebook"),
        source=row.text("source"),
    )
