"""The article's relations: they follow the ledger, and a repair is the nearest figure that fits."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.economy.intervals import Bounds
from locolab.report.audit import ADDS_UP, DOES_NOT, Figure, Relation, conflicts, reconciled, repairs, table
from locolab.report.claims import Measured, judge, load_ledger
from locolab.report.relations import FIGURES, RELATIONS

LEDGER = load_ledger()
BY_NAME = {relation.name: relation for relation in RELATIONS}


def ratio(stated, part, whole):
    """Return the relation "stated = 100 x part / whole" of three printed figures."""
    states, *inputs = (
        Figure(name, "article.tao-share", text, name)
        for name, text in zip("spw", (stated, part, whole), strict=True)
    )
    return Relation("article.tao-share", states, tuple(inputs), lambda p, w: 100 * p / w, "part / whole")


def test_every_figure_is_printed_in_its_row():
    for figure in FIGURES.values():
        row = LEDGER[figure.row]
        of_the_paper = figure.label.endswith("(paper)") or figure.name == "density_run"
        texts = " ".join((row.value, *row.figures))
        assert of_the_paper or figure.text.removeprefix("less than ") in texts, figure.name


def test_every_arithmetic_row_of_the_notebook_about_the_article_is_a_relation():
    rows = {
        claim.id
        for claim in LEDGER.section("article").values()
        if claim.notebook == "01_article_audit" and claim.check.rule != "none"
    }
    assert rows <= {relation.claim for relation in RELATIONS}


@pytest.mark.parametrize("claim", dict.fromkeys(relation.claim for relation in RELATIONS))
def test_a_relation_takes_the_figures_that_its_row_names(claim):
    relations = [relation for relation in RELATIONS if relation.claim == claim]
    taken = {figure.row for relation in relations for figure in relation.inputs} - {claim}
    assert taken == set(LEDGER[claim].uses) - {relation.states.row for relation in relations}


@pytest.mark.parametrize("name", BY_NAME)
def test_the_relations_give_what_the_ledger_expects(name):
    relation, row = BY_NAME[name], LEDGER[BY_NAME[name].claim]
    if relation.reading:
        reading = next(r for r in row.readings if r.id == relation.reading)
        assert relation.value == pytest.approx(reading.gives, rel=1e-3)
        assert relation.verdict == reading.verdict
        return
    assert relation.states.text == row.value or row.check.rule != "rounds-to"
    assert relation.value == pytest.approx(row.expected, rel=2e-3)
    computed = relation.computed
    judged = judge(row, Measured(relation.value, computed.low, computed.high), "fast")
    assert judged.verdict == relation.verdict == row.expected_verdict


@pytest.mark.parametrize("name", [name for name, each in BY_NAME.items() if each.verdict == DOES_NOT])
def test_what_does_not_add_up_has_repairs_that_fit(name):
    relation = BY_NAME[name]
    assert relation.factor > 1
    found = relation.repairs()
    assert found
    for repair in found:
        assert relation.changed({repair.figure.name: repair.text}).verdict == ADDS_UP


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 999), st.integers(1, 999), st.integers(1, 999))
def test_no_smaller_change_in_its_direction_fits(stated, part, whole):
    relation = ratio(f"{stated}%", f"{part}", f"{whole}")
    for repair in relation.repairs():
        old, new = (int(text.strip("%")) for text in (repair.figure.text, repair.text))
        one_less = new - 1 if new > old else new + 1
        for number, verdict in ((new, ADDS_UP), (one_less, DOES_NOT)):
            assert relation.changed({repair.figure.name: str(number)}).verdict == verdict
    assert (relation.factor > 1) == (relation.verdict == DOES_NOT) == bool(relation.repairs())


def test_repairs_by_hand():
    assert [(r.figure.name, r.text) for r in ratio("75%", "7.34", "10.78").repairs()] == [
        ("w", "9.86"),
        ("p", "8.03"),
        ("s", "68%"),
    ]
    assert ratio("68%", "7.34", "10.78").repairs() == []


def test_a_constant_a_range_and_a_word_have_no_repair():
    relation = ratio("75-80%", "7.34", "10.78")
    exact = dataclasses.replace(relation.inputs[1], exact=True)
    relation = dataclasses.replace(relation, inputs=(relation.inputs[0], exact))
    assert [repair.figure.name for repair in relation.repairs()] == ["p"]
    words = dataclasses.replace(BY_NAME["article.hundreds-of-millions"])
    assert [repair.text for repair in words.repairs()] == ["$200 million"]


def test_an_exact_figure_has_no_rounding():
    assert FIGURES["total"].bounds == Bounds(21e6, 21e6)
    assert FIGURES["supply"].bounds == Bounds(10.775e6, 10.785e6)


def test_the_table_is_sorted_by_size_and_names_the_chapter():
    found = table(RELATIONS, LEDGER)
    assert list(found["factor"]) == sorted(found["factor"], reverse=True)
    assert found.loc[0, "relation"] == "article.revenue-twice"
    assert set(found["chapter"]) == {"01", "04", "06"}
    assert ((found["factor"] > 1) == (found["verdict"] == DOES_NOT)).all()


def test_what_does_not_add_up_says_how_both_may_hold():
    found = reconciled(RELATIONS, LEDGER)
    assert len(found) == len({each.claim for each in RELATIONS if each.verdict == DOES_NOT})
    assert found["how both may hold"].str.len().min() > 20
    assert set(repairs(RELATIONS)["relation"]) == {e.name for e in RELATIONS if e.verdict == DOES_NOT}


def test_conflicting_statements_come_in_pairs_each_once():
    found = conflicts(LEDGER)
    pairs = {frozenset(pair) for pair in zip(found["statement"], found["against"], strict=True)}
    assert len(pairs) == len(found)
    named = {claim.statement for claim in LEDGER.section("article").values() if claim.conflicts_with}
    assert named == {statement for pair in pairs for statement in pair}


def test_a_changed_figure_reaches_the_relations_that_take_it():
    changed = {"cap": "~$3.44B"}
    taking = [each.name for each in RELATIONS if each.takes(changed)]
    assert taking[0] == "article.two-market-caps"
    assert "article.tao-share" not in taking
    diluted = BY_NAME["article.fdv"].changed(changed)
    assert (BY_NAME["article.fdv"].verdict, diluted.verdict) == (ADDS_UP, DOES_NOT)
