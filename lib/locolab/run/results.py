"""What a run leaves behind for people and machines: summary.json, junit.xml and RESULTS.md."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

import nbformat

from locolab import provenance
from locolab.files import results_dir, write_atomic
from locolab.report import scorecard
from locolab.report.ledger import Ledger
from locolab.report.outcomes import Checked, read_outcomes
from locolab.run import outputs, state, table
from locolab.run.gates import Gate, failing, gates, moved
from locolab.run.notebooks import Notebook

OK, FAILED, CHANGED, SETUP = 0, 1, 2, 3
SETUP_ERRORS = ("MissingPackage", "DiskFullError")
"""Errors of a cell that no code of the notebook can mend: exit code 3."""


@dataclasses.dataclass(frozen=True)
class Run:
    """Everything a run of a profile ended with."""

    profile: str
    states: Mapping[str, state.State]
    outcomes: Mapping[str, Checked]
    gates: Sequence[Gate]
    moved: Sequence[str]

    @property
    def exit_code(self) -> int:
        """Return 3 if set-up is missing, 1 if a notebook failed, 2 if a gated verdict changed, else 0."""
        failures = [each for each in self.states.values() if each.status == "failed"]
        if any(each.error["name"] in SETUP_ERRORS for each in failures):
            return SETUP
        if any(each.status != "ok" for each in self.states.values()):
            return FAILED
        return CHANGED if failing(self.gates) else OK


def collect(profile: str, names: Sequence[str], ledger: Ledger) -> Run:
    """Return how the named notebooks and the claims they settle stand now, read from the results folder."""
    missing = state.State("blocked", error={"cell": "", "name": "NotRun", "text": "was not run", "where": ""})
    states = {name: state.load(profile, name) or missing for name in names}
    ran = [name for name, each in states.items() if each.status == "ok"]
    outcomes = {name: row for name, row in read_outcomes(profile).items() if row.notebook in ran}
    compared = gates(ledger, outcomes, ran)
    return Run(
        profile, states, outcomes, compared, moved(outcomes, {gate.claim for gate in compared}, profile)
    )


def write_results(
    profile: str, notebooks: Mapping[str, Notebook], names: Sequence[str], ledger: Ledger
) -> int:
    """Return the exit code of a run after writing its files and printing its closing table."""
    done = collect(profile, names, ledger)
    for name, each in done.states.items():
        if each.status == "ok":
            _refresh(notebooks[name], profile)
    folder = results_dir(profile)
    known = collect(profile, [name for name in notebooks if state.load(profile, name)], ledger)
    record = {**summary(known), "exit_code": done.exit_code, "chosen": list(names)}
    write_atomic(folder / "summary.json", json.dumps(record, indent=1, sort_keys=True) + "\n")
    write_atomic(folder / "junit.xml", junit(done))
    page = scorecard.write_results(profile, ledger)
    table.print_run(done, page, ledger)
    return done.exit_code


def summary(done: Run) -> dict[str, Any]:
    """Return a run as plain data; everything but `timings` is the same whenever the same code runs."""
    keep = ("status", "key", "outputs", "error")
    return {
        "profile": done.profile,
        "notebooks": {
            name: {field: getattr(each, field) for field in keep} for name, each in done.states.items()
        },
        "claims": {name: dataclasses.asdict(row) for name, row in done.outcomes.items()},
        "gates": [dataclasses.asdict(gate) for gate in done.gates],
        "timings": {
            **provenance.stamp(f"python -m locolab run --profile {done.profile}"),
            "seconds": {name: round(each.seconds, 2) for name, each in done.states.items()},
            "peak_bytes": {name: each.peak_bytes for name, each in done.states.items()},
        },
    }


def junit(done: Run) -> str:
    """Return a JUnit report: one test case for each notebook and for each gated claim."""
    suite = ET.Element("testsuite", name=f"locolab {done.profile}")
    for name, each in done.states.items():
        case = ET.SubElement(suite, "testcase", classname="notebooks", name=name, time=f"{each.seconds:.2f}")
        if each.status == "failed":
            error = each.error
            failure = ET.SubElement(case, "failure", message=f"{error['name']} in cell [{error['cell']}]")
            failure.text = f"{error['text']}\n{error['where']}"
        elif each.status != "ok":
            ET.SubElement(case, "skipped", message=each.error["text"])
    for gate in done.gates:
        case = ET.SubElement(suite, "testcase", classname="claims", name=gate.claim, time="0")
        if gate.status == "no-verdict":
            ET.SubElement(case, "skipped", message="no verdict at this profile")
        elif gate.status != "kept":
            message = f"{gate.status}: expected {gate.expected}, got {gate.verdict}"
            ET.SubElement(case, "failure", message=message)
    cases = list(suite)
    suite.set("tests", str(len(cases)))
    for kind in ("failure", "skipped"):
        suite.set(
            kind.replace("failure", "failures"), str(sum(case.find(kind) is not None for case in cases))
        )
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _refresh(notebook: Notebook, profile: str) -> None:
    """Bring the words of an executed copy up to its source, where only words changed since it ran."""
    path = state.executed_path(profile, notebook.name)
    executed = nbformat.read(path, as_version=4)
    if outputs.refresh(executed, nbformat.read(notebook.path, as_version=4)):
        write_atomic(path, nbformat.writes(executed) + "\n")
