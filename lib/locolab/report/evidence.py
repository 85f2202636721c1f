"""What is known when a reader opens a chapter: this machine's run, else the published one, else nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from locolab.files import ROOT
from locolab.report import finished
from locolab.report.chapters import FRAMES
from locolab.report.ledger import Ledger
from locolab.report.outcomes import Checked, read_outcomes
from locolab.report.scorecard import collect
from locolab.report.vocabulary import SMOKE

PUBLISHED = ROOT / "docs" / "results.json"
"""The outcomes of the last complete fast run that somebody published."""


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The scorecard's rows, whose run they come from in a sentence, and seconds by notebook."""

    frame: pd.DataFrame
    source: str
    seconds: Mapping[str, float]


def evidence(profile: str, ledger: Ledger | None = None, published: Path = PUBLISHED) -> Evidence:
    """Return this machine's outcomes of a profile; where no chapter has run, those of the published run.

    The two are never mixed. Where there is neither, the rows have no verdicts and `source` says what to run.
    """
    known = read_outcomes(profile)
    seconds = finished.seconds(profile)
    if ran := sorted({row.notebook[:2] for row in known.values()} - set(FRAMES)):
        source = f"Verdicts of this machine's run at profile {profile}, chapters {', '.join(ran)}."
        source += f" {SMOKE.capitalize()}; no number is a result." if profile == "smoke" else ""
        return Evidence(collect(profile, ledger), source, seconds)
    if published.exists():
        record: dict[str, Any] = json.loads(published.read_text(encoding="utf-8"))
        outcomes = {name: Checked.from_dict(row) for name, row in record["claims"].items()}
        made = record["provenance"]
        source = (
            f"No chapter has run here at profile {profile}, so these are the verdicts of the published run: "
            f"profile {record['profile']}, {made['date']}, {made['device']}, commit {made['commit']}. "
            "For your own: `./run_all.sh`."
        )
        return Evidence(collect(record["profile"], ledger, outcomes), source, made["seconds"])
    source = (
        f"No chapter has run here at profile {profile} and no run is published yet, so no row is judged. "
        "`./run_all.sh` runs all; then open this notebook again."
    )
    return Evidence(collect(profile, ledger), source, seconds)
