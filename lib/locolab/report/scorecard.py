"""The scorecard: every row of the ledger with what its notebook found, as a table and as RESULTS.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from locolab.files import results_dir, write_atomic
from locolab.report import finished, style, wording
from locolab.report.claims import Claim, Outcome, standing
from locolab.report.ledger import Ledger, load_ledger
from locolab.report.outcomes import read_outcomes
from locolab.report.vocabulary import MEANINGS, SECTIONS

TITLES = {"article": "The article", "paper": "The papers", "ours": "Our own statements"}
FIGURES = "{notebook}/figures/{name}.svg"
"""Where RESULTS.md finds a figure, from the folder it lies in."""

_SAID = (
    "id section places statement kind scale faithful notebook cell gate expected_verdict conflicts_with"
    " would_change"
)
_FOUND = "verdict status value low high n unit word margin expected note readings"


def collect(
    profile: str, ledger: Ledger | None = None, outcomes: Mapping[str, Outcome] | None = None
) -> pd.DataFrame:
    """Return one row per claim of the ledger, in its order, with its outcome at a profile.

    `outcomes` are those of the results folder unless they are given.

    Columns: id, section, places, statement, printed (the figure as printed), kind, scale, faithful, notebook,
    cell, gate, expected_verdict, conflicts_with, would_change, better (higher or lower, of comparisons);
    verdict, status, value, low, high, n, unit, word, margin, expected, measured (in words), note, readings
    (list of {if, gives, verdict, source_says}). Rows that were not judged have the verdict ``-`` and say in
    `status` why; those that cannot be tested say so without a run.
    """
    ledger = load_ledger() if ledger is None else ledger
    failed = finished.failed(profile) if outcomes is None else set()
    outcomes = read_outcomes(profile) if outcomes is None else outcomes
    rows = []
    for name, claim in ledger.items():
        row = {**_said(claim), **_found(outcomes.get(name) or standing(claim))}
        if name not in outcomes and claim.notebook in failed and row["status"] == "not-run":
            row["status"] = "error"
        rows.append(row)
    return pd.DataFrame(rows)


def view(frame: pd.DataFrame, section: str) -> pd.DataFrame:
    """Return one section of a collected table for reading.

    Columns: claim, statement, printed (there), here (what we computed), verdict, notebook.
    """
    rows = frame[frame["section"] == section]
    return pd.DataFrame(
        {
            "claim": rows["id"],
            "statement": rows["statement"],
            "printed": rows["printed"],
            "here": rows["measured"],
            "verdict": [verdict_text(row) for row in rows.to_dict("records")],
            "notebook": rows["notebook"].fillna(""),
        }
    ).reset_index(drop=True)


def verdict_text(row: Mapping[Any, Any]) -> str:
    """Return a row's verdict as shape and word, or its status where there is none.

    >>> verdict_text({"verdict": "depends", "status": "ran"})
    '◆ depends'
    >>> verdict_text({"verdict": "-", "status": "not-yet"})
    '· not-yet'
    """
    mark = style.VERDICTS.get(row["verdict"])
    return f"{mark.shape} {row['verdict']}" if mark else f"{style.NO_VERDICT.shape} {row['status']}"


def tally(frame: pd.DataFrame) -> dict[str, int]:
    """Return how many rows have which verdict (else status), in the order of the scale.

    >>> tally(pd.DataFrame({"verdict": ["-", "depends", "-"], "status": ["not-yet", "ran", "not-yet"]}))
    {'◆ depends': 1, '· not-yet': 2}
    """
    words = [verdict_text(row) for row in frame.to_dict("records")]
    known = [f"{mark.shape} {name}" for name, mark in style.VERDICTS.items()]
    order = sorted(set(words), key=lambda word: (known.index(word) if word in known else len(known), word))
    return {word: words.count(word) for word in order}


def tally_text(frame: pd.DataFrame, between: str = ", ") -> str:
    """Return a tally in one line.

    >>> tally_text(pd.DataFrame({"verdict": ["-", "depends"], "status": ["not-yet", "ran"]}))
    '◆ depends 1, · not-yet 1'
    """
    return between.join(f"{word} {n}" for word, n in tally(frame).items())


def counts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how many rows ended in which verdict: a row per verdict, a column per section, no sums."""
    sections = [name for name in SECTIONS if (frame["section"] == name).any()]
    found = {name: tally(frame[frame["section"] == name]) for name in sections}
    rows = [(word, *(found[name].get(word, 0) for name in sections)) for word in tally(frame)]
    return pd.DataFrame(rows, columns=["verdict", *(TITLES[name] for name in sections)])


def write_results(profile: str, ledger: Ledger | None = None) -> Path:
    """Return results/PROFILE/RESULTS.md after writing it."""
    path = results_dir(profile) / "RESULTS.md"
    write_atomic(path, results_page(profile, ledger=ledger))
    return path


def results_page(profile: str, figures: str = FIGURES, ledger: Ledger | None = None) -> str:
    """Return RESULTS.md as text; `figures` is the link to a figure, with the fields notebook and name.

    Stamp, counts by verdict (sections side by side, never summed), key figures, the claims by section with
    every reading, and the seconds of each notebook that the runner ran.
    """
    frame, done, spent = collect(profile, ledger), finished.runs(profile), finished.seconds(profile)
    parts = ["# Results", finished.stamp(profile, done), "## Verdicts", markdown(counts(frame))]
    parts.append(markdown(pd.DataFrame(MEANINGS.items(), columns=["verdict", "what it says"])))
    if pictures := finished.key_figures(profile, done, figures):
        parts += ["## Key figures", *pictures]
    for section in SECTIONS:
        rows = frame[frame["section"] == section]
        if len(rows):
            parts += [f"## {TITLES[section]}", markdown(view(frame, section)), *_readings(rows)]
    if spent:
        table = pd.DataFrame([(name, round(n)) for name, n in spent.items()], columns=["notebook", "seconds"])
        parts += ["## Time", markdown(table), "A training that was in the cache took the time to load it."]
    return "\n\n".join(parts) + "\n"


def markdown(table: pd.DataFrame) -> str:
    """Return a table as markdown.

    >>> print(markdown(pd.DataFrame({"a": ["x|y"], "b": [1]})))
    | a | b |
    | --- | --- |
    | x\\|y | 1 |
    """
    rows = [list(table.columns), ["---"] * len(table.columns), *table.itertuples(index=False)]
    return "\n".join("| " + " | ".join(_cell(value) for value in row) + " |" for row in rows)


def _said(claim: Claim) -> dict[str, Any]:
    paired = claim.check.rule == "paired"
    also = {
        "printed": claim.value,
        "better": claim.check.better if paired else "",
        "of": claim.check.of if paired else "",
    }
    return {**{name: getattr(claim, name) for name in _SAID.split()}, **also}


def _found(outcome: Outcome) -> dict[str, Any]:
    text = "" if outcome.value is None else wording.measured(outcome)
    return {**{name: getattr(outcome, name) for name in _FOUND.split()}, "measured": text}


def _readings(rows: pd.DataFrame) -> list[str]:
    """Return every reading of the rows that have some; none is picked, none is averaged."""
    found = []
    for row in rows[rows["readings"].map(len) > 0].to_dict("records"):
        lines = [f"**{row['id']}**: {row['statement']}"]
        lines += [
            f"- if {reading['if']}: {wording.number(reading['gives'])} ({reading['verdict']}; "
            f"the source says so: {reading['source_says']})"
            for reading in row["readings"]
        ]
        if row["would_change"]:
            lines.append(f"- what would change the verdict: {row['would_change']}")
        found.append("\n".join(lines))
    return ["### Readings", *found] if found else []


def _cell(value: Any) -> str:
    text = str(value).strip().replace("\n", " ")
    return re.sub(r"([|$~*])", r"\\\1", text)  # a cell border, mathematics, struck out, emphasis
