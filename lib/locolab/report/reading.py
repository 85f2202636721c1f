"""The scorecard as a reader's tables: what was judged, what cannot be, what waits, and where sources part."""

from __future__ import annotations

from typing import Any

import pandas as pd

from locolab.report.chapters import chapter
from locolab.report.claims import Claim, rule_text
from locolab.report.findings import result
from locolab.report.ledger import Ledger
from locolab.report.scorecard import verdict_text
from locolab.report.style import VERDICTS
from locolab.report.vocabulary import MEANINGS, NO_VERDICT

DISAGREE = ("depends", "not-seen-small", "does-not-add-up", "contradicted")
"""Verdicts under which the source and what we computed part."""

RAN = ("ran", "recorded")


def legend() -> pd.DataFrame:
    """Return the verdicts with their shapes and what each means."""
    rows = [(f"{mark.shape} {word}", MEANINGS[word]) for word, mark in VERDICTS.items()]
    return pd.DataFrame(rows, columns=["verdict", "what it says"])


def judged(frame: pd.DataFrame, section: str, ledger: Ledger, profile: str) -> pd.DataFrame:
    """Return the rows of one section that a chapter has judged.

    Columns: claim (name, chapter, statement, figure as printed), expected (rule and verdict; the row's note,
    which for the article stands under faithful), measured (with interval, or every reading), verdict,
    faithful (of the article). In smoke some have no verdict.
    """
    rows = frame[(frame["section"] == section) & frame["status"].isin(RAN)]
    table = [
        {
            "claim": _claim(row),
            "expected": _expected(ledger[row["id"]], profile),
            "measured": result(row),
            "verdict": verdict_text(row),
            "faithful": _faithful(ledger[row["id"]]),
        }
        for row in rows.to_dict("records")
    ]
    kept = pd.DataFrame(table, columns=["claim", "expected", "measured", "verdict", "faithful"])
    return kept if section == "article" else kept.drop(columns="faithful")


def untested(frame: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Return the rows that cannot be tested here: claim, statement, printed, why, faithful."""
    rows = frame[frame["verdict"] == "not-testable"].to_dict("records")
    kept = pd.DataFrame(rows)[["id", "statement", "printed", "faithful"]].fillna("")
    kept.insert(3, "why not", [ledger[row["id"]].check.reason for row in rows])
    return kept.rename(columns={"id": "claim"})


def waiting(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what has no verdict yet: chapter, is (written or not), status, rows (how many), claims."""
    rows = frame[frame["verdict"] == NO_VERDICT]
    table = []
    for (notebook, status), group in rows.groupby(["notebook", "status"]):
        known = chapter(str(notebook))
        table.append(
            {
                "chapter": f"{known.number} · {known.title}",
                "is": "written" if known.written() else "still to be written",
                "status": status,
                "rows": len(group),
                "claims": ", ".join(group["id"]),
            }
        )
    return pd.DataFrame(table, columns=["chapter", "is", "status", "rows", "claims"])


def gates(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that a run must reproduce: claim, expected, verdict, gate (kept, CHANGED, ...)."""
    rows = frame[frame["gate"] & (frame["status"] != "not-yet")].to_dict("records")
    table = []
    for row in rows:
        state = "kept" if row["verdict"] == row["expected_verdict"] else "CHANGED"
        state = "no verdict" if row["verdict"] == NO_VERDICT else state
        table.append((row["id"], row["expected_verdict"], verdict_text(row), state))
    return pd.DataFrame(table, columns=["claim", "expected", "verdict", "gate"])


def disagreements(frame: pd.DataFrame, ledger: Ledger) -> dict[str, pd.DataFrame]:
    """Return, for every judged row whose source and result part, a caption and its five parts."""
    rows = frame[frame["verdict"].isin(DISAGREE) & frame["status"].isin(RAN)]
    return {
        f"{verdict_text(row)}: {row['id']}": five_parts(row, ledger[row["id"]])
        for row in rows.to_dict("records")
    }


def five_parts(row: dict[Any, Any], claim: Claim) -> pd.DataFrame:
    """Return a disagreement in five parts: what the source states, what we did, what it gave, when both hold,
    what would change the verdict.
    """
    places = "article " if claim.section == "article" else ""
    source = f"; {claim.source}" if claim.source else ""
    printed = f" Printed: {claim.value}." if claim.value else ""
    did = claim.check.of or "compared the readings"
    parts = {
        "the source states": f"{claim.statement}{printed} ({places}{', '.join(claim.places)}{source})",
        "we did": f"{did} (chapter {row['notebook'][:2]}){_note(claim)}",
        "it gave": result(row),
        "both hold": _both_hold(row),
        "would change it": claim.would_change or "nothing that we can name",
    }
    return pd.DataFrame(list(parts.items()), columns=["part", "in words"])


def would_change(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what would change our mind about each judged row: verdict, claim, what would change it."""
    rows = frame[frame["status"].isin(RAN) & (frame["would_change"] != "")]
    table = [(verdict_text(row), row["id"], row["would_change"]) for row in rows.to_dict("records")]
    return pd.DataFrame(table, columns=["verdict", "claim", "what would change it"])


def _claim(row: dict[Any, Any]) -> str:
    printed = f" Printed: {row['printed']}." if row["printed"] else ""
    name = row["id"].partition(".")[2]
    return f"{name} (chapter {row['notebook'][:2]})\n{row['statement']}{printed}"


def _faithful(claim: Claim) -> str:
    """Return whether the article says what its source says, and what that is where it differs."""
    why = f"\n{claim.note or claim.source}" if claim.faithful == "differs-from-source" else ""
    return f"{claim.faithful or ''}{why}"


def _both_hold(row: dict[Any, Any]) -> str:
    """Return the readings under which the statement and the computation agree, or what else may differ."""
    agree = [
        f"{reading['if']} (the source says so: {reading['source_says']})"
        for reading in row["readings"]
        if reading["verdict"] not in DISAGREE
    ]
    small = "at the size of the source, which ours neither confirms nor refutes"
    none = small if row["scale"] == "small" else "under no reading that we found"
    return "\n".join(agree) or none


def _expected(claim: Claim, profile: str) -> str:
    rule = rule_text(claim, profile).removeprefix("expected: ")
    verdict = f"; {claim.expected_verdict}" if claim.expected_verdict else ""
    return f"{rule}{verdict}{_note(claim) if claim.section != 'article' else ''}"


def _note(claim: Claim) -> str:
    return f"\n{claim.note}" if claim.note else ""
