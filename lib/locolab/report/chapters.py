"""The chapters as a reader meets them: part, question, whether they are written, how long they take."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from locolab.files import ROOT
from locolab.report.vocabulary import PROFILES

FOLDER = ROOT / "notebooks"
FRAMES = ("00", "13")
"""Numbers of the notebooks that read what every other one found."""

PARTS = {
    "I": "The article",
    "II": "Saying less",
    "III": "Distrusting peers on slow links",
    "IV": "Is it any good?",
    "V": "Who pays?",
    "VI": "For real",
}


@dataclasses.dataclass(frozen=True)
class Chapter:
    """One chapter: the stem of its file, its part, its title and the question that it settles."""

    name: str
    part: str
    title: str
    question: str

    @property
    def number(self) -> str:
        """Return the two digits the name begins with."""
        return self.name[:2]

    def written(self, folder: Path = FOLDER) -> bool:
        """Return whether its notebook exists."""
        return (folder / f"{self.name}.ipynb").exists()

    def link(self, folder: Path = FOLDER, to: str = "") -> str:
        """Return number and title in markdown, linked below `to` where the notebook exists."""
        label = f"{self.number} · {self.title}"
        return f"[{label}]({to}{self.name}.ipynb)" if self.written(folder) else f"{label} (not-yet)"


CHAPTERS = tuple(
    Chapter(*row)
    for row in (
        ("00_overview", "I", "Overview", "What is the story, what was found, how does one go on?"),
        ("01_article_audit", "I", "The article audited", "Does the article's own arithmetic hold?"),
        ("02_local_steps", "II", "Local steps", "What does it save and cost to communicate rarely?"),
        ("03_sparsify_and_remember", "II", "Sparsify and remember", "What arrives when little is sent?"),
        ("04_two_bits_on_the_wire", "II", "Two bits on the wire", "How many bytes is an update?"),
        ("05_train_together", "II", "Train together", "How good is the model for the bytes sent?"),
        ("06_bandwidth_and_utilisation", "III", "Bandwidth and utilisation", "What do 94.5 % and 70 s take?"),
        ("07_gauntlet", "III", "The Gauntlet", "How strong is the evidence of honest work?"),
        ("08_churn_and_adversaries", "III", "Churn and adversaries", "What gets through the checks?"),
        ("09_mmlu", "IV", "MMLU", "What can a benchmark tell at our scale?"),
        ("10_subnet_economy", "V", "The subnet economy", "How does money move between TAO and alpha tokens?"),
        ("11_who_pays", "V", "Who pays", "What do subsidy, premium and sales imply together?"),
        ("12_scale_out", "VI", "Scale out", "Does the same swarm run as processes on many machines?"),
        ("13_scorecard", "VI", "Scorecard", "Every claim: what was expected, measured and concluded?"),
    )
)


def chapter(name: str) -> Chapter:
    """Return the chapter whose file has the stem `name`; raises KeyError for another name.

    >>> chapter("06_bandwidth_and_utilisation").part
    'III'
    """
    return {each.name: each for each in CHAPTERS}[name]


def times(measured: Mapping[str, float], folder: Path = FOLDER) -> pd.DataFrame:
    """Return minutes of each written notebook: its author's estimate per profile, and what was measured.

    `measured` are seconds by notebook; the last row adds everything up.
    """
    rows: list[tuple[Any, ...]] = []
    for each in CHAPTERS:
        if each.written(folder):
            minutes = _metadata(folder / f"{each.name}.ipynb").get("minutes", {})
            seconds = measured.get(each.name)
            found = None if seconds is None else round(seconds / 60, 1)
            rows.append((f"{each.number} · {each.title}", *(minutes.get(p) for p in PROFILES), found))
    columns = list(zip(*rows, strict=True))[1:]
    rows.append(("all together", *(sum(filter(None, column)) or None for column in columns)))
    return pd.DataFrame(rows, columns=["notebook", *PROFILES, "measured"])


def _metadata(path: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    return described.get("locolab", {})
