"""What was found, in a few lines made from the verdicts: the chain of the article, README's block."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from locolab.report import wording
from locolab.report.chapters import CHAPTERS, PARTS
from locolab.report.scorecard import TITLES, tally_text, verdict_text
from locolab.report.vocabulary import NO_VERDICT, SECTIONS, SMOKE, VERDICTS

BEGIN, END = "<!-- findings:begin -->", "<!-- findings:end -->"
"""README's lines around the block that `publish` fills."""

JUDGED = tuple(word for word in VERDICTS if word != "not-testable")
"""The verdicts of rows that something here could settle."""


ANSWERS = {
    "(a)": ("adds-up", "reproduced", "holds-small"),
    "(b)": ("does-not-add-up", "contradicted", "not-seen-small"),
    "(c)": ("depends",),
}
"""What chapter 00 asks about the links of the chain, and the verdicts that each answer stands for."""

NO_BREAK = "\N{NO-BREAK SPACE}"


class Link(NamedTuple):
    """A link of the article's chain: the row of the ledger, its figure in short, what that is about."""

    claim: str
    figure: str
    about: str


CHAIN = (
    Link("article.parameters-72b", "72 billion", "parameters, trained by"),
    Link("article.dozens-of-nodes", "dozens", "of distrusting nodes:"),
    Link("article.local-steps-30", "30 steps", "each on its own, then"),
    Link("article.topk-density", "1%-3%", "of components are sent as"),
    Link("article.two-bit-quantisation", "2-bit", "values; that makes"),
    Link("article.compression-146x", "over 146x", "less data to send, so"),
    Link("article.seventy-seconds", "70 seconds", "of exchange a round;"),
    Link("article.utilisation-94.5", "94.5%", "of the time computing."),
    Link("article.only-highest-selected", "highest scores", "alone count (Gauntlet)."),
    Link("article.mmlu-67.1", "MMLU 67.1", "is the model's score."),
    Link("article.super-leverage", "super leverage", "of subnet tokens pays,"),
    Link("article.subsidy-ratio", "22-40:1", "subsidy to revenue."),
)
"""The article's story in its own figures, in the order it tells them."""

HEADLINES = (
    "article.compression-146x",
    "paper.sparseloco-matches-diloco",
    "article.seventy-seconds",
    "article.solves-slacking",
    "ours.facts-larger-vs-dp",
    "article.revenue-twice",
    "ours.averaging-vs-dp",
    "ours.feedback-cosine",
    "ours.entropy-bits",
    "article.super-leverage",
    "ours.implied-price",
    "article.dewatered-ps-high",
    "ours.continued-facts",
    "article.comparable-to-llama",
    "article.hundreds-of-millions",
    "ours.published-outer-settings",
    "paper.feedback-approximates-momentum",
    "ours.topk-vs-random",
    "article.topk-density",
    "article.hundred-mb-to-one",
)
"""Rows that say most about the article, most telling first."""


def chain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the links of the chain with their verdicts: figure, about, claim, verdict, status, notebook."""
    rows = frame.set_index("id")[["verdict", "status", "notebook"]].fillna("")
    links = pd.DataFrame(CHAIN, columns=["claim", "figure", "about"])
    return links[["figure", "about", "claim"]].join(rows, on="claim")


def most_common(verdicts: Iterable[str]) -> str:
    """Return the answer that most verdicts give, every such answer where they tie, "open" where none counts.

    >>> most_common(["depends", "adds-up", "depends", "-"]), most_common(["-"])
    ('(c)', 'open')
    >>> most_common(["depends", "reproduced"])
    '(a) and (c)'
    """
    known = list(verdicts)
    counts = {letter: sum(verdict in words for verdict in known) for letter, words in ANSWERS.items()}
    best = max(counts.values())
    return " and ".join(letter for letter, n in counts.items() if n == best) if best else "open"


def headlines(frame: pd.DataFrame, most: int = len(HEADLINES), between: str = "\n") -> pd.DataFrame:
    """Return the first `most` headline rows that have a verdict: verdict, statement, here, whose, chapter.

    `between` stands between the readings of a row.
    """
    known = frame[frame["id"].isin(HEADLINES) & frame["verdict"].isin(JUDGED)]
    rows = sorted(known.to_dict("records"), key=lambda row: HEADLINES.index(row["id"]))[:most]
    return pd.DataFrame(
        [
            {
                "verdict": verdict_text(row),
                "statement": row["statement"],
                "here": result(row, between),
                "whose": TITLES[row["section"]].lower(),
                "chapter": row["notebook"][:2],
            }
            for row in rows
        ],
        columns=["verdict", "statement", "here", "whose", "chapter"],
    )


def result(row: Mapping[Any, Any], between: str = "\n") -> str:
    """Return what a row of the scorecard gave: a number or difference with its interval, or every reading.

    >>> row = {"verdict": "depends", "status": "recorded", "unit": "x", "better": "lower", "of": "loss"}
    >>> row["readings"] = []
    >>> result({**row, "measured": "0.2 nats"})
    'loss: difference 0.2 nats, recorded'
    >>> reading = {"if": "fp32", "gives": 146.286, "verdict": "reproduced", "source_says": "yes"}
    >>> result({**row, "readings": [reading]})
    'if fp32: 146.3 x (reproduced; the source says so)'
    """
    if row["verdict"] == NO_VERDICT:
        return SMOKE if row["measured"] else ""
    if row["readings"]:
        return between.join(_reading(reading, row["unit"]) for reading in row["readings"])
    what = f"{row['of']}: difference " if row["better"] and row["measured"] else ""
    return f"{what}{row['measured']}{', recorded' if row['status'] == 'recorded' else ''}"


def _reading(reading: Mapping[str, Any], unit: str) -> str:
    gives = wording.number(reading["gives"])
    unit = "" if isinstance(reading["gives"], str) else f" {unit}".rstrip()
    source = {"yes": "; the source says so", "no": "; the source says otherwise"}.get(
        reading["source_says"], ""
    )
    return f"if {reading['if']}: {gives}{unit} ({reading['verdict']}{source})"


def findings(frame: pd.DataFrame, source: str, most: int = 5) -> str:
    """Return README's block in markdown: verdicts by section, headlines, whose run, chapters written.

    `frame` is a collected scorecard; `source` says in a sentence which run it is.
    """
    sections = [(TITLES[name], frame[frame["section"] == name]) for name in SECTIONS]
    lines = [f"- **{title}**, {len(rows)} rows: {tally_text(rows)}." for title, rows in sections if len(rows)]
    for row in headlines(frame, most, " · ").to_dict("records"):
        told = f"{row['statement']} Here: {row['here']}"
        lines.append(f"- **{row['verdict']}** ({row['whose']}, chapter {row['chapter']}): {told}.")
    written = sum(each.written() for each in CHAPTERS)
    return "\n".join([*lines, "", f"{source} {written} of {len(CHAPTERS)} chapters are written."])


def insert(page: str, block: str) -> str:
    """Return a page with `block` between its two markers; ValueError where they are not there once each.

    >>> insert("a" + BEGIN + "old" + END + "z", "new").split(chr(10))
    ['a<!-- findings:begin -->', 'new', '<!-- findings:end -->z']
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page needs one line {BEGIN} and after it one line {END}")
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{block.strip()}\n{END}{rest.partition(END)[2]}"


def by_chapter(frame: pd.DataFrame) -> str:
    """Return a markdown table: each chapter with its part and question, its verdicts per section."""
    names = ["part", "chapter", "what it settles", *TITLES.values()]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for before, each in itertools.pairwise(CHAPTERS):
        part = f"{each.part} {PARTS[each.part]}" if each.part != before.part or before is CHAPTERS[0] else ""
        lines.append(_row(part, each.link(), each.question, frame[frame["notebook"] == each.name]))
    none = frame[frame["notebook"].isna()]
    return "\n".join([*lines, _row("", "none", "what only records or opinions can settle", none)])


def _row(part: str, title: str, question: str, rows: pd.DataFrame) -> str:
    cells = [tally_text(rows[rows["section"] == name], "<br>").replace(" ", NO_BREAK) for name in SECTIONS]
    return "| " + " | ".join([part, title, question, *cells]) + " |"
