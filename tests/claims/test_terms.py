"""The glossary: complete entries, each term once, words instead of letters in the chapters about money."""

import re

import pytest
import yaml

from locolab.report.fields import LedgerError
from locolab.report.terms import TOPICS, load_terms

TERMS = load_terms()


def test_every_topic_has_terms():
    assert {term.topic for term in TERMS.values()} == set(TOPICS)


def test_notebooks_are_named_by_their_stems():
    for term in TERMS.values():
        assert re.fullmatch(r"\d\d_[a-z_]+", term.notebook), term.id


def test_the_words_of_prose_are_the_agreed_ones():
    names = {term.term for term in TERMS.values()}
    assert names >= {
        *("outer learning rate", "alpha token", "pool product", "reward weights", "pseudo-gradient"),
        *("error feedback", "inner step", "outer step", "chunk", "density", "peer", "validator", "window"),
    }


def test_definitions_about_money_use_no_bare_letters():
    for term in TERMS.values():
        if term.topic == "economy":
            assert not term.symbol
            assert not re.search(r"\b(beta|tau|k)\b|\balpha\b(?! tokens?\b)", term.definition), term.id


def test_symbols_are_those_of_the_papers():
    symbols = {term.term: term.symbol for term in TERMS.values() if term.symbol}
    assert symbols["local steps"] == "H"
    assert symbols["number of peers"] == "R"
    assert symbols["chunk"] == "C"
    assert symbols["decay"] == "beta"
    assert symbols["outer learning rate"] == "alpha"
    assert len(set(symbols.values())) == len(symbols)


def test_definitions_are_sentences_of_a_reasonable_length():
    for term in TERMS.values():
        assert term.definition.endswith("."), term.id
        assert len(term.definition) <= 240, term.id


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"id": "a"}], "term a: field 'topic' is missing"),
        (["a"], "term a: expected a mapping of fields, got str 'a'"),
        ([{"id": "a", "tpoic": "training"}], "term a: unknown field 'tpoic'; did you mean 'topic'?"),
        ([{"id": "a", "topic": "art"}], "field 'topic' is 'art'; allowed: compression, economy"),
    ],
)
def test_an_incomplete_term_is_named(tmp_path, entries, message):
    path = tmp_path / "terms.yaml"
    path.write_text(yaml.safe_dump(entries))
    with pytest.raises(LedgerError) as error:
        load_terms(path)
    assert message in str(error.value)


@pytest.mark.parametrize("field", ["id", "term"])
def test_a_term_is_defined_once(tmp_path, field):
    entry = {"topic": "training", "definition": "A.", "notebook": "02_x", "source": "ours"}
    entries = [{**entry, "id": "a", "term": "b"}, {**entry, "id": "c", "term": "d"}]
    entries[1][field] = entries[0][field]
    path = tmp_path / "terms.yaml"
    path.write_text(yaml.safe_dump(entries))
    with pytest.raises(LedgerError, match="stands 2 times; define each term once"):
        load_terms(path)
