"""The ledger of claims: the rows of data/claims.yaml by id, and which of the article's numbers they cover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from locolab.files import data_dir
from locolab.report import vocabulary as words
from locolab.report.fields import Fields, LedgerError
from locolab.report.rows import Check, Claim
from locolab.report.schema import cross_problems, read_claim

__all__ = ["Check", "Claim", "Ledger", "load_ledger"]


class Ledger(Mapping[str, Claim]):
    """The rows by id, in the order of the file, with what identifies the article they are about."""

    def __init__(self, claims: list[Claim], article: Mapping[str, Any]):
        self._claims = {claim.id: claim for claim in claims}
        self.article = article

    def __getitem__(self, key: str) -> Claim:
        if key not in self._claims:
            raise KeyError(f"no claim {key!r} in data/claims.yaml")
        return self._claims[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def section(self, name: str) -> dict[str, Claim]:
        """Return the rows of one section: ``article``, ``paper`` or ``ours``."""
        if name not in words.SECTIONS:
            raise KeyError(f"no section {name!r}; sections: {', '.join(words.SECTIONS)}")
        return {key: claim for key, claim in self.items() if claim.section == name}

    def coverage(self) -> dict[tuple[str, str], list[str]]:
        """Return, for every (place, figure) of the article's inventory, the ids of the rows that cover it."""
        return {
            (place, figure): [c.id for c in self.values() if place in c.places and figure in c.figures]
            for place, entry in self.article["places"].items()
            for figure in entry["figures"]
        }

    def uncovered(self) -> list[tuple[str, str]]:
        """Return the (place, figure) pairs of the article that no row covers."""
        return [pair for pair, ids in self.coverage().items() if not ids]


def load_ledger(path: Path | None = None) -> Ledger:
    """Return the ledger of `path` (default: data/claims.yaml).

    Raises LedgerError listing everything that does not follow the schema: entry, field, what it may be.
    """
    path = path or data_dir() / "claims.yaml"
    raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    top = Fields(path.name, raw, ("article_source", *words.SECTIONS))
    article = top.get("article_source", dict)
    claims, problems = [], []
    for section in words.SECTIONS:
        for entry in top.get(section, list):
            try:
                claims.append(read_claim(section, entry, article["places"]))
            except LedgerError as error:
                problems.append(str(error))
    problems += cross_problems(claims)
    if problems:
        raise LedgerError(f"{path.name} has {len(problems)} problem(s):\n" + "\n".join(problems))
    return Ledger(claims, article)
