"""Every number that the article prints has a row, in the place where it stands.

The article is not part of the repository; with a copy beside it (../shared/article.txt) the list of places
and figures in data/claims.yaml is compared with the text, without one the rows are held against the list.
"""

import re

import pytest

from locolab.files import ROOT, sha256
from locolab.report.claims import load_ledger

ARTICLE = ROOT.parent / "shared" / "article.txt"
LEDGER = load_ledger()
PLACES = LEDGER.article["places"]

_NUMBER = r"[~+]?\$?\d[\d,]*(?:\.\d+)?(?:%|x\b|[KMBT]\b| (?:million|billion|trillion)\b)?"
_UNIT = r"(?:[- ]?(?:MB|Mbps|bit|hour|Day|days|steps|seconds)\b)?"
TOKEN = re.compile(
    rf"{_NUMBER}(?:(?: ?- ?| to ){_NUMBER})?(?::\d+)?{_UNIT}|\bDozens\b|\bhundreds of millions\b"
)


def figures_of(line):
    """Return the number tokens of a line, as printed, after the exclusions."""
    for exclusion in LEDGER.article["exclusions"]:
        line = re.sub(exclusion["pattern"], "_", line)
    return TOKEN.findall(line)


@pytest.fixture(scope="module")
def lines():
    if not ARTICLE.exists():
        pytest.skip(f"no copy of the article at {ARTICLE}")
    if sha256(ARTICLE) != LEDGER.article["sha256"]:
        pytest.skip(f"{ARTICLE} is another text than the one with the SHA-256 in data/claims.yaml")
    return ARTICLE.read_text(encoding="utf-8").splitlines()


def test_every_figure_of_the_inventory_has_a_row_in_its_place():
    assert len(LEDGER.coverage()) > 80
    assert LEDGER.uncovered() == []


def test_every_figure_of_a_row_stands_in_one_of_its_places_and_every_place_is_used():
    for claim in LEDGER.values():
        for figure in claim.figures:
            assert any(figure in PLACES[place]["figures"] for place in claim.places), (claim.id, figure)
    used = {place for claim in LEDGER.section("article").values() for place in claim.places}
    assert used == set(PLACES)


def test_a_number_without_a_row_would_be_seen():
    row = LEDGER["article.subnet-volume"]
    others = [claim for claim in LEDGER.values() if claim is not row]
    assert type(LEDGER)(others, LEDGER.article).uncovered() == [
        ("s4.1.p2", "$118 million"),
    ]


def test_every_exclusion_has_a_reason_and_is_short():
    assert all(entry["reason"] for entry in LEDGER.article["exclusions"])
    assert len(LEDGER.article["exclusions"]) <= 12


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "about $17.46 billion, nearly $1.94 billion in 24-hour volume",
            ["$17.46 billion", "$1.94 billion", "24-hour"],
        ),
        ("1%-3% of them, 68% - 75%, 15-25x, 22-40:1", ["1%-3%", "68% - 75%", "15-25x", "22-40:1"]),
        ("1.6 to 3.5 times, $3 million to $15 million", ["1.6 to 3.5", "$3 million to $15 million"]),
        ("100MB to less than 1 MB, 2-bit, 110 Mbps", ["100MB", "1 MB", "2-bit", "110 Mbps"]),
        ("On March 10, 2026, in 2025, Q1 2026, 2026-04-11: Covenant-72B (SN3), Web3", []),
        (
            "Dozens of nodes train a 72B model, +444%, ~7.34M, 14,500",
            ["Dozens", "72B", "+444%", "~7.34M", "14,500"],
        ),
        ("3.1 Covenant-72B Validates; 1) first", []),
    ],
)
def test_numbers_are_found_as_printed(line, expected):
    assert figures_of(line) == expected


def test_the_inventory_is_the_articles_own(lines):
    found = {number: figures_of(line) for number, line in enumerate(lines, 1)}
    listed = {entry["line"]: entry["figures"] for entry in PLACES.values()}
    assert {n: tokens for n, tokens in found.items() if tokens} == {n: f for n, f in listed.items() if f}


def test_no_digit_of_the_article_escapes_both_tokens_and_exclusions(lines):
    for line in lines:
        for exclusion in LEDGER.article["exclusions"]:
            line = re.sub(exclusion["pattern"], "_", line)
        assert not re.search(r"\d", TOKEN.sub("_", line)), line


def test_every_exclusion_excludes_something(lines):
    for exclusion in LEDGER.article["exclusions"]:
        assert any(re.search(exclusion["pattern"], line) for line in lines), exclusion


def test_quotes_are_verbatim_and_stand_where_the_row_says(lines):
    for claim in LEDGER.values():
        if claim.quote:
            assert any(claim.quote in lines[PLACES[place]["line"] - 1] for place in claim.places), claim.id


def test_no_line_of_the_article_is_shipped(lines):
    ledger = (ROOT / "data" / "claims.yaml").read_text(encoding="utf-8")
    words = re.findall(r"\w+", re.sub(r"\s+", " ", ledger).lower())
    shipped = {tuple(words[i : i + 13]) for i in range(len(words) - 12)}
    for line in lines[2:]:
        ours = re.findall(r"\w+", line.lower())
        assert not any(tuple(ours[i : i + 13]) in shipped for i in range(len(ours) - 12)), line[:60]
