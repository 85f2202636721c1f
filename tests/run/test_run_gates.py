"""Verdicts against expectations: which rows fail a run, with which exit code, and what moved."""

import dataclasses
import json
import xml.etree.ElementTree as ET

import pytest

from locolab.report.ledger import Check, Claim, Ledger
from locolab.report.outcomes import Checked
from locolab.run import gates, results, state
from locolab.run.state import State

ROW = Claim(
    id="ours.bytes",
    section="ours",
    places=("design",),
    statement="a payload has 64 bytes",
    kind="mechanism",
    check=Check("equal", of="bytes", value=64),
    notebook="04_wire",
    expected_verdict="reproduced",
    gate=True,
)
FOUND = Checked("ours.bytes", "reproduced", "ran", "fast", 64.0, unit="bytes", notebook="04_wire")


def compare(row=ROW, outcome=FOUND, ran=("04_wire",)):
    found = {outcome.id: outcome} if outcome else {}
    return [gate.status for gate in gates.gates(Ledger([row], {}), found, ran)]


def test_a_gate_is_kept_changed_or_not_checked():
    assert compare() == ["kept"]
    assert compare(outcome=dataclasses.replace(FOUND, verdict="contradicted")) == ["changed"]
    assert compare(outcome=None) == ["not-checked"]


def test_a_smoke_row_without_verdict_fails_nothing():
    assert compare(outcome=dataclasses.replace(FOUND, verdict="-")) == ["no-verdict"]


@pytest.mark.parametrize("change", [{"gate": False}, {"status": "not-yet"}, {"notebook": "05_train"}])
def test_other_rows_are_no_gates_of_this_run(change):
    assert compare(dataclasses.replace(ROW, **change)) == []


@pytest.fixture
def after(results):
    """Return a function that leaves a state and an outcome and collects the run."""

    def collect(status="ok", error="", verdict="reproduced"):
        failure = {"cell": "setup", "name": error, "text": "no", "where": ""} if error else {}
        state.save("fast", "04_wire", State(status, "k", "o", failure, 2.0, 10))
        dataclasses.replace(FOUND, verdict=verdict).write()
        return results_of(["04_wire"])

    return collect


def results_of(names):
    return results.collect("fast", names, Ledger([ROW], {}))


def test_exit_codes(after):
    assert after().exit_code == 0
    assert after(verdict="contradicted").exit_code == 2
    assert after("failed", "ValueError").exit_code == 1
    assert after("failed", "MissingPackage").exit_code == 3
    assert after("failed", "DiskFullError").exit_code == 3
    assert after("blocked", "Blocked").exit_code == 1
    assert results_of(["04_wire", "05_train"]).exit_code == 1, "05 was never run"


def test_a_failed_notebook_has_no_claims(after):
    done = after("failed", "ValueError", verdict="contradicted")
    assert done.outcomes == {}
    assert done.gates == []


def test_junit_has_a_case_for_each_gate(after):
    kept = ET.fromstring(results.junit(after()))
    assert [case.attrib["classname"] for case in kept] == ["notebooks", "claims"]
    assert kept.attrib["failures"] == "0"
    changed = ET.fromstring(results.junit(after(verdict="contradicted")))
    message = changed.find("testcase[@name='ours.bytes']/failure").attrib["message"]
    assert message == "changed: expected reproduced, got contradicted"


def test_a_row_that_moved_is_shown_with_old_and_new_interval(tmp_path):
    old = dataclasses.replace(FOUND, value=64.0, low=60.0, high=68.0, n=5)
    published = tmp_path / "results.json"
    published.write_text(
        json.dumps({"profile": "fast", "claims": {old.id: old.to_dict() | {"notebook": "04_wire"}}})
    )
    new = {old.id: dataclasses.replace(old, value=70.0, low=69.0, high=71.0, verdict="contradicted")}
    lines = gates.moved(new, (), "fast", published)
    assert lines == [
        "ours.bytes: was reproduced, 64 bytes (95 % interval 60 to 68, n = 5); "
        "is contradicted, 70 bytes (95 % interval 69 to 71, n = 5)"
    ]
    assert gates.moved({old.id: old}, (), "fast", published) == []
    assert gates.moved(new, ("ours.bytes",), "fast", published) == [], "gates are reported apart"
    assert gates.moved(new, (), "smoke", published) == []
    assert gates.moved(new, (), "fast", tmp_path / "absent.json") == []
