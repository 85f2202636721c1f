"""The lines about what was found come from the verdicts of one run, never from a mix and never by hand."""

import dataclasses
import json

import pytest

from locolab.files import ROOT, states_dir
from locolab.report import chapters, findings, reading, scorecard
from locolab.report.claims import Measured, judge, load_ledger
from locolab.report.evidence import evidence
from locolab.report.outcomes import Checked
from locolab.report.statistics import compare
from locolab.report.style import VERDICTS
from locolab.report.vocabulary import MEANINGS

LEDGER = load_ledger()
CLOSER = compare([0.9, 0.92, 0.91], [0.5, 0.52, 0.5], "baseline-sd", lower_is_better=False)
MEASURED = {
    "article.compression-146x": Measured(
        readings={"fp32": 146.29, "bf16": 73.14, "public-code": 102.4, "counted": 146.1}
    ),
    "ours.feedback-cosine": Measured(comparison=CLOSER),
    "paper.feedback-approximates-momentum": Measured(0.2, 0.1, 0.3, 5),
    "ours.coverage": Measured(0),
}  # fmt: skip


@pytest.fixture
def ran(results):
    """Write the outcomes of four rows at profile fast, and how long one chapter took."""
    for name, measured in MEASURED.items():
        found = judge(LEDGER[name], measured, "fast")
        Checked(**vars(found), notebook=LEDGER[name].notebook or "").write()
    states_dir("fast").mkdir(parents=True)
    (states_dir("fast") / "03_sparsify_and_remember.json").write_text('{"status": "ok", "seconds": 90.0}')


@pytest.fixture
def published(tmp_path):
    """Return the file of a published run with one verdict."""
    outcome = judge(LEDGER["ours.entropy-bits"], Measured(9.4), "fast")
    row = dataclasses.asdict(Checked(**vars(outcome), notebook="04_two_bits_on_the_wire"))
    made = {"date": "2026-11-22", "device": "a laptop", "commit": "abc1234", "seconds": {"04_x": 60.0}}
    path = tmp_path / "results.json"
    record = {"profile": "fast", "provenance": made, "claims": {"ours.entropy-bits": row}}
    path.write_text(json.dumps(record))
    return path


def verdict(known, name):
    return known.frame.set_index("id").loc[name, "verdict"]


def test_a_run_here_is_not_mixed_with_the_published_one(ran, published):
    known = evidence("fast", published=published)
    assert known.source == "Verdicts of this machine's run at profile fast, chapters 03, 04."
    assert verdict(known, "article.compression-146x") == "depends"
    assert verdict(known, "ours.entropy-bits") == "-"
    assert known.seconds == {"03_sparsify_and_remember": 90.0}


def test_a_smoke_run_shows_no_numbers(results, tmp_path):
    found = judge(LEDGER["ours.feedback-cosine"], MEASURED["ours.feedback-cosine"], "smoke")
    Checked(**vars(found), notebook="03_sparsify_and_remember").write()
    known = evidence("smoke", published=tmp_path / "absent.json")
    assert known.source.endswith("Smoke run: shape only; no number is a result.")
    table = reading.judged(known.frame, "ours", LEDGER, "smoke")
    assert list(table["measured"]) == ["smoke run: shape only"]
    assert list(table["verdict"]) == ["· ran"]


def test_without_a_run_the_published_one_is_shown_with_its_date(results, published):
    known = evidence("fast", published=published)
    assert "published run: profile fast, 2026-11-22, a laptop, commit abc1234" in known.source
    assert verdict(known, "ours.entropy-bits") == "reproduced"
    assert known.seconds == {"04_x": 60.0}


def test_the_scorecard_alone_is_no_run(results, published):
    Checked(**vars(judge(LEDGER["ours.coverage"], Measured(0), "fast")), notebook="13_scorecard").write()
    assert "published run" in evidence("fast", published=published).source


def test_with_nothing_at_all_it_says_what_to_run(results, tmp_path):
    known = evidence("fast", published=tmp_path / "absent.json")
    assert "`./run_all.sh` runs all" in known.source
    assert set(known.frame["verdict"]) == {"-", "not-testable"}
    assert findings.headlines(known.frame).empty
    assert reading.judged(known.frame, "article", LEDGER, "fast").empty
    assert reading.disagreements(known.frame, LEDGER) == {}


def test_the_chain_and_the_headlines_are_rows_of_the_ledger():
    assert {link.claim for link in findings.CHAIN} <= set(LEDGER)
    assert set(findings.HEADLINES) <= set(LEDGER)
    assert all(LEDGER[link.claim].section == "article" for link in findings.CHAIN)


def test_the_chain_prints_the_articles_figures():
    for link in findings.CHAIN:
        row = LEDGER[link.claim]
        assert not row.value or row.value.lower() in link.figure.lower(), link


def test_findings_have_counts_per_section_then_headlines_with_every_reading(ran, tmp_path):
    known = evidence("fast", published=tmp_path / "absent.json")
    lines = findings.findings(known.frame, known.source).splitlines()
    assert 5 <= len([line for line in lines if line]) <= 8
    assert [line.split("**")[1] for line in lines[:3]] == list(scorecard.TITLES.values())
    assert f"{len(LEDGER.section('article'))} rows: ◆ depends 1, – not-testable" in lines[0]
    assert lines[3].startswith("- **◆ depends** (the article, chapter 04): ")
    assert lines[3].count(" (contradicted)") == lines[3].count(" (reproduced") == 2
    assert "(reproduced; the source says so)" in lines[3]
    assert "difference 0.4033 cosine (95 % interval 0.389 to 0.4177, n = 3)" in lines[4]
    assert lines[-1].startswith(known.source)
    assert lines[-1].endswith(f" of {len(chapters.CHAPTERS)} chapters are written.")


def test_a_page_takes_the_block_again_and_again():
    page = (ROOT / "README.md").read_text()
    once = findings.insert(page, "- one")
    assert findings.insert(once, "- two\n- three") == findings.insert(page, "- two\n- three")
    assert "- one\n<!-- findings:end -->" in once


@pytest.mark.parametrize("page", ["", findings.BEGIN, findings.END + findings.BEGIN, findings.BEGIN * 2])
def test_a_page_without_its_markers_is_refused(page):
    with pytest.raises(ValueError, match="needs one line <!-- findings:begin -->"):
        findings.insert(page, "x")


def test_every_chapter_of_the_ledger_is_known_and_stands_on_the_map(ran, tmp_path):
    assert {row.notebook for row in LEDGER.values() if row.notebook} <= {c.name for c in chapters.CHAPTERS}
    frame = evidence("fast", published=tmp_path / "absent.json").frame
    lines = findings.by_chapter(frame).splitlines()
    assert len(lines) == 2 + len(chapters.CHAPTERS)
    assert {line.count("|") for line in lines} == {7}
    assert sum("III Distrusting" in line for line in lines) == 1


def test_only_written_chapters_are_linked(tmp_path):
    known = chapters.chapter("10_subnet_economy")
    assert known.link(tmp_path) == "10 · The subnet economy (not-yet)"
    (tmp_path / "10_subnet_economy.ipynb").touch()
    assert known.link(tmp_path) == "[10 · The subnet economy](10_subnet_economy.ipynb)"


def test_times_add_up_what_is_there(tmp_path):
    for name, minutes in (("03_sparsify_and_remember", {"smoke": 0.5, "fast": 3}), ("09_mmlu", {"fast": 2})):
        content = {"metadata": {"locolab": {"minutes": minutes}}}
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(content))
    table = chapters.times({"03_sparsify_and_remember": 90.0}, tmp_path).set_index("notebook")
    assert list(table["fast"]) == [3, 2, 5]
    assert table.loc["all together", "measured"] == 1.5
    assert table["full"].isna().all()


def test_tables_of_the_scorecard_hold_every_row_once(ran, tmp_path):
    frame = evidence("fast", published=tmp_path / "absent.json").frame
    judged = [reading.judged(frame, section, LEDGER, "fast") for section in scorecard.TITLES]
    waiting = reading.waiting(frame)["rows"].sum()
    assert sum(map(len, judged)) + waiting + len(reading.untested(frame, LEDGER)) == len(LEDGER)
    assert "faithful" in judged[0]
    assert "faithful" not in judged[1]
    assert judged[0].loc[0, "claim"].startswith("compression-146x (chapter 04)\n")
    assert judged[0].loc[0, "expected"] == "4 readings; depends"
    assert judged[1].loc[0, "expected"].endswith("\n" + LEDGER["paper.feedback-approximates-momentum"].note)


def test_a_disagreement_has_five_parts(ran, tmp_path):
    frame = evidence("fast", published=tmp_path / "absent.json").frame
    found = reading.disagreements(frame, LEDGER)
    assert list(found) == [
        "◆ depends: article.compression-146x",
        "▽ not-seen-small: paper.feedback-approximates-momentum",
    ]
    parts = found["◆ depends: article.compression-146x"].set_index("part")["in words"]
    assert list(parts.index) == ["the source states", "we did", "it gave", "both hold", "would change it"]
    assert "Printed: over 146x. (article s3.1.p2" in parts["the source states"]
    assert parts["both hold"].count("the source says so") == 2
    small = found["▽ not-seen-small: paper.feedback-approximates-momentum"].set_index("part")["in words"]
    assert LEDGER["paper.feedback-approximates-momentum"].note in small["we did"]
    assert small["both hold"] == "at the size of the source, which ours neither confirms nor refutes"


def test_gates_tell_kept_from_changed(ran, tmp_path):
    table = reading.gates(evidence("fast", published=tmp_path / "absent.json").frame).set_index("claim")[
        "gate"
    ]
    assert table["article.compression-146x"] == "kept"
    assert table["ours.entropy-bits"] == "no verdict"
    changed = judge(LEDGER["ours.coverage"], Measured(3), "fast")
    Checked(**vars(changed), notebook="13_scorecard").write()
    frame = evidence("fast", published=tmp_path / "absent.json").frame
    assert reading.gates(frame).set_index("claim").loc["ours.coverage", "gate"] == "CHANGED"


def test_every_verdict_is_explained():
    assert set(MEANINGS) == set(VERDICTS)
    assert len(reading.legend()) == 9
