"""What a row may not say, and that the message names the entry, the field and what is allowed."""

import copy

import pytest
import yaml

from locolab.report.claims import LedgerError, load_ledger

GOOD = {
    "id": "article.share",
    "places": ["s1.p1"],
    "statement": "TAO holds nearly 19.6 % of the sector.",
    "value": "nearly 19.6%",
    "kind": "arithmetic",
    "faithful": "no-source-given",
    "notebook": "01_article_audit",
    "check": {"rule": "rounds-to", "of": "cap / sector"},
    "author_response": "",
}


def ledger_with(tmp_path, *entries, section="article"):
    content = {"article_source": {"places": {"s1.p1": {"line": 15, "figures": ["19.6%"]}}}}
    content |= {name: [] for name in ("article", "paper", "ours")} | {section: list(entries)}
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def changed(**fields):
    entry = copy.deepcopy(GOOD)
    for name, value in fields.items():
        entry.pop(name) if value is None else entry.update({name: value})
    return entry


def test_a_good_row_loads_with_its_defaults(tmp_path):
    claim = load_ledger(ledger_with(tmp_path, GOOD))["article.share"]
    assert (claim.cell, claim.scale, claim.status, claim.gate) == ("claims", "exact", "not-run", False)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (changed(knid="opinion"), "claim article.share: unknown field 'knid'; did you mean 'kind'?"),
        (
            changed(kind="guess"),
            "claim article.share: field 'kind' is 'guess'; allowed: arithmetic, external",
        ),
        (changed(kind=None), "claim article.share: field 'kind' is missing"),
        (changed(statement=" "), "claim article.share: field 'statement' is empty"),
        (changed(statement=3), "field 'statement' should be str, got int 3"),
        (changed(id="paper.share"), "field 'id' should be 'article.'"),
        (changed(id="article.Share"), "lower-case"),
        (changed(places=[]), "field 'places' is empty"),
        (changed(places=["s9.p9"]), "field 'places' names 's9.p9'"),
        (changed(places=[1]), "field 'places' should list texts, got int 1"),
        (changed(faithful=None), "field 'faithful' belongs to rows of the section article, and to all"),
        (changed(faithful="yes"), "allowed: as-source, differs-from-source"),
        (changed(status="ran"), "allowed: not-run, not-yet"),
        (changed(notebook=None), "field 'notebook' is missing: which notebook runs the check?"),
        (changed(notebook="01 audit"), "a stem like '04_two_bits_on_the_wire'"),
        (
            changed(quote="one two three four five six seven eight nine ten eleven twelve thirteen"),
            "at most 12",
        ),
        (changed(value="none"), "check.rule 'rounds-to' reads field 'value': no figure in 'none'"),
        (changed(gate=True), "a gate needs a deterministic rule"),
        (changed(gate="yes"), "field 'gate' should be bool, got str 'yes'"),
        (changed(expected={"fast": 1}), "by profile needs exactly: smoke, fast, full"),
        (
            changed(expected_verdict="contradicted"),
            "field 'expected_verdict' is 'contradicted'; allowed: adds-up",
        ),
        (changed(check={"rule": "roughly"}), "field 'check.rule' is 'roughly'; allowed: rounds-to, equal"),
        (changed(check="rounds-to"), "field 'check' should be dict"),
        (changed(check={"rule": "rounds-to"}), "check: field 'of' is missing"),
        (changed(check={"rule": "rounds-to", "of": "x", "value": 1}), "check: unknown field 'value'"),
        (changed(check={"rule": "at-least", "of": "x"}), "check.rule 'at-least' needs a 'value'"),
        (
            changed(check={"rule": "equal", "of": "x", "value": True}),
            "should be int or float or dict, got bool",
        ),
        (changed(check={"rule": "none", "reason": "opinion"}), "kind 'arithmetic' cannot be not-testable"),
        (changed(kind="opinion"), "kind 'opinion' needs check.rule 'none' with a reason"),
        (
            changed(kind="opinion", check={"rule": "none", "reason": "taste"}),
            "allowed: external-data, needs-scale, opinion, prediction, private",
        ),
        (changed(scale="small"), "scale 'small' is for kinds mechanism and measured, got 'arithmetic'"),
        (changed(check={"rule": "readings"}), "two or more 'readings' and check.rule 'readings' go together"),
        (
            changed(kind="measured", check={"rule": "paired", "of": "x", "expects": "beats", "margin": 1}),
            "so the row needs scale: small",
        ),
        (
            changed(
                kind="measured",
                scale="small",
                check={"rule": "paired", "of": "x", "expects": "beats", "margin": "wide"},
            ),
            "field 'check.margin' is 'wide'; a number or 'baseline-sd'",
        ),
        (changed(conflicts_with=["article.ghost"]), "names claim 'article.ghost', which does not exist"),
        (changed(uses=["article.ghost"]), "names claim 'article.ghost', which does not exist"),
    ],
)
def test_a_row_that_breaks_the_schema_is_named_with_what_is_allowed(tmp_path, entry, message):
    with pytest.raises(LedgerError) as error:
        load_ledger(ledger_with(tmp_path, entry))
    assert message in str(error.value)


def test_readings_need_ids_of_their_own_and_a_verdict_of_the_kind(tmp_path):
    reading = {"id": "a", "if": "x", "gives": 1, "verdict": "adds-up", "source_says": "yes"}
    twice = changed(check={"rule": "readings"}, readings=[reading, reading])
    with pytest.raises(LedgerError, match="the ids of its readings are not unique"):
        load_ledger(ledger_with(tmp_path, twice))
    bad = changed(check={"rule": "readings"}, readings=[reading, {**reading, "verdict": "reproduced"}])
    with pytest.raises(LedgerError, match="reading: field 'verdict' is 'reproduced'; allowed: adds-up"):
        load_ledger(ledger_with(tmp_path, bad))


def test_a_small_training_may_not_even_expect_to_be_contradicted(tmp_path):
    check = {"rule": "at-least", "of": "x", "value": 1, "fail": "contradicted"}
    with pytest.raises(LedgerError, match="field 'fail' is 'contradicted'"):
        load_ledger(ledger_with(tmp_path, changed(kind="measured", scale="small", check=check)))


def test_conflicts_are_named_on_both_sides_and_ids_stand_once(tmp_path):
    other = changed(id="article.other", conflicts_with=["article.share"])
    with pytest.raises(LedgerError, match=r"claim article.other: conflicts_with 'article.share', which does"):
        load_ledger(ledger_with(tmp_path, GOOD, other))
    with pytest.raises(LedgerError, match=r"claim article.share: the id stands 2 times"):
        load_ledger(ledger_with(tmp_path, GOOD, GOOD))


def test_only_rows_about_the_article_are_compared_with_its_sources(tmp_path):
    with pytest.raises(LedgerError, match="field 'faithful' belongs to rows of the section article"):
        load_ledger(ledger_with(tmp_path, changed(id="ours.share"), section="ours"))


def test_all_problems_are_reported_at_once(tmp_path):
    with pytest.raises(LedgerError) as error:
        load_ledger(ledger_with(tmp_path, changed(kind="guess"), "nonsense"))
    assert "2 problem(s)" in str(error.value)
    assert "claim nonsense: expected a mapping of fields, got str" in str(error.value)


def test_an_unknown_section_or_row_is_named():
    ledger = load_ledger()
    with pytest.raises(KeyError, match="no section 'theirs'; sections: article, paper, ours"):
        ledger.section("theirs")
    with pytest.raises(KeyError, match=r"no claim 'article.ghost' in data/claims.yaml"):
        ledger["article.ghost"]
