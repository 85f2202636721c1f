"""What a visitor sees is a complete fast run, or it does not change."""

import json
import shutil

import pytest

from locolab.report.findings import BEGIN, END
from locolab.run import execute, pipeline, preflight, state
from locolab.run.errors import SetupError
from locolab.run.publish import publish


@pytest.fixture
def plan(make, results, ledger, monkeypatch):
    """Return the plan of one notebook whose execution leaves one figure."""

    def stand_in(notebook, profile, parameters, limit_seconds, environment):
        figures = state.output_dir(profile, notebook.name) / "figures"
        figures.mkdir(parents=True)
        (figures / "fig-a.svg").write_text("<svg/>")
        (figures / "fig-a.txt").write_text("A line that rises over rounds.")
        shutil.copy(notebook.path, state.executed_path(profile, notebook.name))
        return execute.Execution({}, 1.5, 2**28)

    monkeypatch.setattr(execute, "execute", stand_in)
    monkeypatch.setattr(preflight, "check", lambda notebooks, profile: None)
    return pipeline.make_plan("fast", (), make("03_memory").parent, ledger=ledger)


def test_an_incomplete_run_is_refused(plan, tmp_path):
    with pytest.raises(SetupError, match="not run with today's code: 03_memory"):
        publish(plan, tmp_path / "checkout")
    assert not (tmp_path / "checkout").exists()


def test_a_complete_run_is_copied_and_old_figures_go(plan, tmp_path):
    assert pipeline.run_checked(plan) == 0
    checkout = tmp_path / "checkout"
    old = checkout / "docs/figures/02_gone/fig-z.svg"
    old.parent.mkdir(parents=True)
    old.write_text("<svg/>")
    (checkout / "README.md").write_text(f"# Us\n{BEGIN}\nnothing yet\n{END}\nthe end\n")
    written = {path.relative_to(checkout).as_posix() for path in publish(plan, checkout)}
    assert written == {"README.md", "RESULTS.md", "docs/results.json", "docs/figures/03_memory/fig-a.svg"}
    assert not old.exists()
    readme = (checkout / "README.md").read_text()
    assert readme.startswith(f"# Us\n{BEGIN}\n- **Our own statements**, 1 rows: – not-testable 1.\n")
    assert "\nFrom the run of " in readme
    assert readme.endswith(f"chapters are written.\n{END}\nthe end\n")
    record = json.loads((checkout / "docs/results.json").read_text())
    assert record["profile"] == "fast"
    assert record["claims"] == {}
    assert {"commit", "date", "device", "versions"} <= set(record["provenance"])


def test_code_changed_since_the_run_is_refused(plan, make, ledger, tmp_path):
    pipeline.run_checked(plan)
    folder = make("03_memory", "x = 5").parent
    with pytest.raises(SetupError, match="today's code"):
        publish(pipeline.make_plan("fast", (), folder, ledger=ledger), tmp_path)
