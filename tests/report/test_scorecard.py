"""The scorecard follows the ledger, never sums its sections, and prints every reading."""

import dataclasses
import json

import pandas as pd
import pytest

from locolab.report import scorecard, show
from locolab.report.claims import Ledger, Reading
from locolab.report.notebook import start
from locolab.report.outcomes import read_outcomes

READINGS = (
    Reading("links", "a node has its own link", 70.0, "reproduced", "silent"),
    Reading("shared", "four nodes share a link", 280.0, "contradicted", "no"),
)
ALT = "Line of loss against round, x from 1 to 3, y in nats; it falls from 3 to 1 | always."


@pytest.fixture
def ledger(make_claim, small_ledger):
    extra = [
        dataclasses.replace(
            make_claim("article.seconds", "readings", would_change="the deployed topology"),
            section="article", readings=READINGS, faithful="as-source",
        ),
        dataclasses.replace(
            make_claim("article.taste", "none", kind="opinion", check={"reason": "opinion"}),
            section="article", notebook=None,
        ),
    ]  # fmt: skip
    return Ledger([*small_ledger.values(), *extra], {"places": {}})


@pytest.fixture
def ran(ledger, monkeypatch, results):
    """Return a finished run that checked two rows and saved a figure; leave the runner's states beside it."""
    monkeypatch.setattr("locolab.report.notebook.load_ledger", lambda: ledger)
    monkeypatch.setattr(show, "markdown", lambda text: None)
    run = start({"notebook": "90_tiny", "profile": "fast", "seed": 0})
    run.check("ours.ratio", 146.3)
    run.check("article.seconds", readings={"links": 70.0, "shared": 280.0})
    figure, axes = scorecard.style.new_figure()
    axes.plot([1, 2, 3], [3, 2, 1])
    run.figure(figure, ALT, pd.DataFrame({"x": [1]}), name="fig-loss", key=True)
    run.finish()
    (results / "fast/.state").mkdir()
    for name, status, seconds in (("90_tiny", "ok", 12.4), ("91_other", "failed", 0.0)):
        state = json.dumps({"status": status, "seconds": seconds})
        (results / f"fast/.state/{name}.json").write_text(state)
    return run


def test_outcomes_are_read_back_as_they_were_reached(ran):
    for name, outcome in read_outcomes("fast").items():
        assert outcome == ran.outcome(name)


def test_every_row_of_the_ledger_appears_in_its_order(ledger, ran):
    frame = scorecard.collect("fast", ledger)
    assert list(frame["id"]) == list(ledger)
    found = frame.set_index("id")
    assert found.loc["ours.ratio", "verdict"] == "reproduced"
    assert found.loc["ours.ratio", "measured"] == "146.3 x"
    assert found.loc["article.seconds", "verdict"] == "depends"
    assert found.loc["article.taste", "verdict"] == "not-testable"
    assert list(found.loc[["ours.loss", "ours.elsewhere"], "verdict"]) == ["-", "-"]


def test_status_tells_not_run_from_error(ledger, ran):
    found = scorecard.collect("fast", ledger).set_index("id")["status"]
    assert found["ours.ratio"] == "ran"
    assert found["ours.loss"] == "not-run"
    assert found["ours.elsewhere"] == "error"


def test_counts_have_a_column_per_section_and_no_sums(ledger, ran):
    table = scorecard.counts(scorecard.collect("fast", ledger)).set_index("verdict")
    assert list(table.columns) == ["The article", "Our own statements"]
    assert table.loc["◆ depends", "The article"] == 1
    assert table.loc["■ reproduced", "Our own statements"] == 1
    assert table["The article"].sum() == 2
    assert table["Our own statements"].sum() == 3
    assert list(table.index)[-1].startswith("·")


def test_page_has_stamp_links_readings_and_time(ledger, ran, results):
    path = scorecard.write_results("fast", ledger)
    page = path.read_text()
    assert path == results / "fast/RESULTS.md"
    assert "Profile `fast`" in page
    assert "Code cells: `" in page
    assert "](90_tiny/figures/fig-loss.svg)" in page
    assert (path.parent / "90_tiny/figures/fig-loss.svg").exists()
    assert "- if four nodes share a link: 280 (contradicted; the source says so: no)" in page
    assert "what would change the verdict: the deployed topology" in page
    assert "| 90_tiny | 12 |" in page
    widths = {line.count("|") for line in page.splitlines() if line.startswith("| ours.")}
    assert widths == {7}


def test_links_follow_where_the_page_is_published(ledger, ran):
    page = scorecard.results_page("fast", "docs/figures/{notebook}/{name}.svg", ledger)
    assert "](docs/figures/90_tiny/fig-loss.svg)" in page


def test_page_without_any_run_still_lists_the_ledger(ledger, results):
    page = scorecard.results_page("fast", ledger=ledger)
    assert "Key figures" not in page
    assert "| ours.ratio |" in page


def test_smoke_page_says_what_it_is(ledger, results):
    assert "smoke run: shape only" in scorecard.results_page("smoke", ledger=ledger)


def test_a_damaged_outcome_is_named(ledger, ran, results):
    path = results / "fast/90_tiny/claims/ours.ratio.json"
    path.write_text('{"id": "ours.ratio", "colour": 1}')
    with pytest.raises(ValueError, match=r"ours\.ratio\.json is no outcome"):
        scorecard.collect("fast", ledger)
