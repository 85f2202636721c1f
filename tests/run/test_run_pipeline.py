"""What runs, what does not, and what a run leaves: the DAG with execution replaced by a stand-in."""

import json
import shutil
import xml.etree.ElementTree as ET

import pytest

from locolab.report.ledger import load_ledger
from locolab.run import execute, pipeline, preflight, state
from locolab.run.errors import SetupError


@pytest.fixture
def calls(monkeypatch, results):
    """Replace the execution of notebooks; return the names executed so far, in order."""
    names = []
    monkeypatch.setattr(preflight, "check", lambda notebooks, profile: None)

    def stand_in(notebook, profile, parameters, limit_seconds, environment):
        names.append(notebook.name)
        folder = state.output_dir(profile, notebook.name)
        folder.mkdir(parents=True)
        (folder / "data.json").write_text(json.dumps(dict(parameters)))
        shutil.copy(notebook.path, state.executed_path(profile, notebook.name))
        failing = "raise" in "".join(notebook.code)
        error = {"cell": "cell-0", "name": "ValueError", "text": "no", "where": ""}
        return execute.Execution(error if failing else {}, 1.5, 2**28)

    monkeypatch.setattr(execute, "execute", stand_in)
    return names


@pytest.fixture
def suite(make):
    """Write four notebooks, the last of which reads all others; return their folder."""
    make("02_steps", "x = 1")
    make("03_memory", "x = 2", needs=("02",))
    make("04_wire", "x = 3")
    return make("13_scorecard", "x = 4").parent


@pytest.fixture
def run(ledger):
    """Return a function that runs a folder of notebooks at profile fast and returns the exit code."""

    def go(folder, only=(), jobs=1, fresh=False):
        plan = pipeline.make_plan("fast", only, folder, ledger=ledger)
        return pipeline.run_checked(plan, only, jobs, fresh)

    return go


def test_a_second_run_executes_nothing(run, suite, calls):
    assert run(suite) == 0
    assert calls == ["02_steps", "03_memory", "04_wire", "13_scorecard"]
    assert run(suite) == 0
    assert len(calls) == 4


def test_two_at_once_give_the_same(run, suite, calls):
    assert run(suite, jobs=2) == 0
    assert sorted(calls) == ["02_steps", "03_memory", "04_wire", "13_scorecard"]
    assert calls.index("02_steps") < calls.index("03_memory")
    assert calls[-1] == "13_scorecard"


def test_only_what_changed_runs_again(run, suite, make, calls):
    run(suite)
    del calls[:]
    make("04_wire", "x = 33")
    run(suite)
    assert calls == ["04_wire"], "its outputs stayed the same, so the scorecard has nothing to do"


def test_what_reads_a_changed_outcome_runs_again(run, suite, calls):
    run(suite)
    del calls[:]
    (suite / "profiles.yaml").write_text("smoke: {04_wire: {rounds: 1}}")
    run(suite)
    assert calls == []
    state.output_dir("fast", "02_steps").joinpath("data.json").write_text("edited by hand")
    run(suite)
    assert calls == ["02_steps"]


def test_only_runs_what_it_needs_if_that_is_missing(run, suite, calls):
    run(suite, only=["03"])
    assert calls == ["02_steps", "03_memory"]
    run(suite, only=["03_memory"])
    assert len(calls) == 2


def test_a_failure_stops_only_what_needs_it(run, suite, make, calls, capsys):
    make("02_steps", "raise ValueError")
    assert run(suite) == 1
    assert calls == ["02_steps", "04_wire", "13_scorecard"]
    out = capsys.readouterr().out
    assert "02_steps failed in cell [cell-0]" in out
    assert "ValueError: no" in out
    assert "needs 02_steps, which failed" in out
    make("02_steps", "x = 1")
    del calls[:]
    assert run(suite) == 0
    assert calls == ["02_steps", "03_memory", "13_scorecard"]


def test_a_failed_notebook_runs_again_unchanged(run, suite, make, calls):
    make("04_wire", "raise ValueError")
    run(suite, only=["04"])
    run(suite, only=["04"])
    assert calls == ["04_wire", "04_wire"]


def test_changed_words_reach_the_executed_copy_without_a_run(run, suite, make, calls):
    run(suite)
    del calls[:]
    path = make("04_wire", "x = 3  # three")
    path.write_text(path.read_text().replace("# 04_wire", "# Fewer bits"))
    assert run(suite) == 0
    assert calls == []
    assert "# Fewer bits" in state.executed_path("fast", "04_wire").read_text()


def test_fresh_executes_the_chosen_and_renews_cached_trainings(run, suite, calls, results, monkeypatch):
    run(suite)
    del calls[:]
    old, other = results / "cache/runs/aaa", results / "cache/runs/bbb"
    for folder in (old, other):
        folder.mkdir(parents=True)
        (folder / "model").write_text("old")
    inner = execute.execute

    def training(notebook, profile, parameters, limit_seconds, environment):
        made = pipeline.Path(environment["LOCOLAB_CACHE"]) / "runs/aaa"
        assert not made.exists()
        made.mkdir(parents=True)
        (made / "model").write_text("new")
        return inner(notebook, profile, parameters, limit_seconds, environment)

    monkeypatch.setattr(execute, "execute", training)
    assert run(suite, only=["03"], fresh=True) == 0
    assert calls == ["03_memory"]
    assert (old / "model").read_text() == "new"
    assert (other / "model").read_text() == "old"
    assert not (results / "cache/fresh-fast").exists()


def test_two_runs_of_a_profile_do_not_mix(run, suite, calls):
    with preflight.only_runner("fast"), pytest.raises(SetupError, match="another run of profile fast"):
        run(suite)
    assert calls == []
    assert run(suite) == 0


def test_summary_is_the_same_apart_from_timings(run, suite, calls, results):
    run(suite)
    first = json.loads((results / "fast/summary.json").read_text())
    shutil.rmtree(results / "fast")
    run(suite, jobs=2)
    second = json.loads((results / "fast/summary.json").read_text())
    assert first.pop("timings")["seconds"]["02_steps"] == 1.5
    second.pop("timings")
    assert first == second
    assert first["exit_code"] == 0


def test_junit_has_a_case_for_each_notebook(run, suite, make, calls, results):
    make("02_steps", "raise ValueError")
    run(suite)
    suite_element = ET.parse(results / "fast/junit.xml").getroot()
    assert suite_element.attrib == {"name": "locolab fast", "tests": "4", "failures": "1", "skipped": "1"}
    failed = suite_element.find("testcase[@name='02_steps']/failure")
    assert failed.attrib["message"] == "ValueError in cell [cell-0]"
    assert suite_element.find("testcase[@name='03_memory']/skipped") is not None


def test_the_ledger_row_of_a_notebook_is_part_of_its_key(suite, ledger, calls):
    plan = pipeline.make_plan("fast", (), suite, ledger=load_ledger())
    other = pipeline.make_plan("fast", (), suite, ledger=ledger)
    assert plan.key("13_scorecard") != other.key("13_scorecard")
    assert plan.key("04_wire") == other.key("04_wire")
