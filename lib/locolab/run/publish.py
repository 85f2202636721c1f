"""Copies a complete fast run to the tracked files that a visitor sees without running anything."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from locolab.files import ROOT, results_dir, write_atomic
from locolab.report import findings, scorecard
from locolab.run.errors import SetupError
from locolab.run.pipeline import Plan, is_current, make_plan
from locolab.run.results import OK, collect, summary

PROFILE = "fast"


def publish(plan: Plan | None = None, root: Path = ROOT) -> list[Path]:
    """Return the files written below `root`: RESULTS.md, README.md, docs/results.json and docs/figures/.

    Of README.md only the block of findings changes; it is made from the verdicts.

    Raises SetupError, naming what is missing, unless every notebook ran at profile fast with today's code and
    no gate fails. Figures that the run no longer makes are removed.
    """
    plan = plan or make_plan(PROFILE)
    done = collect(PROFILE, list(plan.notebooks), plan.ledger)
    stale = [name for name in plan.notebooks if not is_current(plan, name)]
    if stale or done.exit_code != OK:
        what = f"not run with today's code: {', '.join(stale)}" if stale else "a notebook or a gate failed"
        raise SetupError(f"only a complete fast run is published; {what}. Do `python -m locolab run` first")
    results, figures = results_dir(PROFILE), root / "docs" / "figures"
    record = {"profile": PROFILE, "provenance": summary(done)["timings"]}
    record["claims"] = {name: dataclasses.asdict(row) for name, row in sorted(done.outcomes.items())}
    copies = {root / "docs" / "results.json": json.dumps(record, indent=1, sort_keys=True).encode() + b"\n"}
    page = scorecard.results_page(PROFILE, "docs/figures/{notebook}/{name}.svg", plan.ledger)
    copies[root / "RESULTS.md"] = page.encode()
    readme = root / "README.md"
    copies[readme] = findings.insert(readme.read_text(encoding="utf-8"), _found(plan, record)).encode()
    for name in plan.notebooks:
        for figure in sorted((results / name / "figures").glob("*.svg")):
            copies[figures / name / figure.name] = figure.read_bytes()
    for path, content in copies.items():
        write_atomic(path, content)
    for path in figures.rglob("*.svg"):
        if path not in copies:
            path.unlink()
    return list(copies)


def _found(plan: Plan, record: dict[str, Any]) -> str:
    """Return the block of README.md: what was found, and whose run it was."""
    made = record["provenance"]
    source = (
        f"From the run of {made['date']} (profile `{PROFILE}`, {made['device']}, commit {made['commit']}), "
        "written by `python -m locolab publish`; every row with its readings is in [RESULTS.md](RESULTS.md)."
    )
    return findings.findings(scorecard.collect(PROFILE, plan.ledger), source)
