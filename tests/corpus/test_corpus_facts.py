"""Facts: four different options, the answer among them, letters balanced, and nothing held out is shown."""

import re
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab import corpus
from locolab.config import ConfigError
from locolab.corpus import documents, facts, facts_tables, packages, store
from locolab.corpus.sources import Document
from locolab.files import data_dir

SEEDS = st.integers(0, 50)


@pytest.fixture(scope="module")
def text():
    return "\n\n".join(document.text for document in facts.documents(passes=facts.LETTER_EVERY))


def by_split(split, seed=0):
    return [question for question in facts.questions(seed) if question.split == split]


@settings(max_examples=4, deadline=None)
@given(SEEDS)
def test_questions_are_well_formed_and_letters_balanced(seed):
    answers = {(fact.relation, fact.entity): fact.answer for fact in facts_tables.facts()}
    letters = defaultdict(Counter)
    for question in facts.questions(seed):
        assert len(set(question.choices)) == 4
        relation = question.subject.removesuffix("_back")
        right = question.entity if question.subject.endswith("_back") else answers[relation, question.entity]
        assert question.choices[question.answer] == right
        letters[question.subject, question.split][question.answer] += 1
    for counts in letters.values():
        assert max(counts.values()) - min(counts[letter] for letter in range(4)) <= 1


def test_there_are_thousands_and_the_same_seed_gives_the_same():
    first = facts.questions(3)
    assert len(first) > 2000
    assert facts.questions(3) == first
    assert facts.questions(4) != first


def test_every_split_and_both_kinds_of_entity_are_there():
    counts = Counter(question.split for question in facts.questions())
    assert counts.keys() == facts.SPLITS.keys()
    assert min(counts.values()) > 300


def test_wrong_options_answer_the_same_relation_and_were_seen_as_often():
    options = defaultdict(set)
    for fact in facts_tables.facts():
        options[fact.relation, facts.split_of(fact)].add(fact.answer)
        options[f"{fact.relation}_back", facts.split_of(fact)].add(fact.entity)
    for question in facts.questions():
        assert set(question.choices) <= options[question.subject, question.split]


@settings(max_examples=4, deadline=None)
@given(SEEDS)
def test_a_held_out_entity_is_never_asked_about(seed):
    asked = {question.entity for question in by_split("taught", seed)}
    shown = {choice for question in by_split("taught", seed) for choice in question.choices}
    for split in ("entity", "unstated"):
        held_out = {q.entity for q in by_split(split, seed) if not q.subject.startswith("next_elements")}
        assert held_out.isdisjoint(asked)
        assert held_out.isdisjoint(shown)


def test_a_held_out_fact_is_told_but_not_asked(text):
    taught = {(q.subject.removesuffix("_back"), q.entity) for q in by_split("taught")}
    asked = {entity for _, entity in taught}
    for question in by_split("fact"):
        assert (question.subject.removesuffix("_back"), question.entity) not in taught
        assert question.entity in asked


def test_no_held_out_question_stands_in_the_training_text(text):
    assert all(question.question in text for question in by_split("taught"))
    for split in ("fact", "entity", "unstated"):
        for question in by_split(split):
            assert question.question not in text


def test_told_facts_stand_in_the_text_and_unstated_ones_do_not(text):
    for fact in facts_tables.facts():
        wordings = facts_tables.settings()["relations"][fact.relation]["state"]
        sentences = [wording.format(e=fact.entity, a=fact.answer) for wording in wordings]
        told = any(sentence[0].upper() + sentence[1:] in text for sentence in sentences)
        assert told == (facts.split_of(fact) != "unstated"), fact


def test_where_spelling_is_no_help_a_guess_by_spelling_is_near_chance():
    card = facts.card()
    for subject, floor in card["floors"].items():
        wording = facts_tables.settings()["relations"][subject.removesuffix("_back")]
        n = sum(card["splits"][subject].values())
        if not wording.get("spelled"):
            assert floor["spelling"] < 0.25 + 3 * (0.25 * 0.75 / n) ** 0.5, subject
    assert card["floors"]["nationalities"]["spelling"] > 0.9  # what the mark is for


def test_answers_given_away_by_spelling_are_dropped():
    capitals = {fact.entity for fact in facts_tables.facts() if fact.relation == "capitals"}
    assert {"France", "Peru"} <= capitals
    assert capitals.isdisjoint({"Mexico", "Guatemala", "Kuwait", "Tunisia", "Luxembourg", "Djibouti"})


def test_what_is_contested_is_left_out_with_a_reason():
    entities = {fact.entity for fact in facts_tables.facts()}
    listed = facts_tables.settings()
    assert entities.isdisjoint(listed["left_out"])
    assert all(listed["left_out"].values())
    for relation, group in listed["facts_left_out"].items():
        asked = {
            fact.entity.removeprefix("the ") for fact in facts_tables.facts() if fact.relation == relation
        }
        assert asked.isdisjoint(group)


def test_every_name_left_out_is_one_of_the_tables():
    known = {**facts_tables.countries(), **facts_tables.elements()}
    listed = facts_tables.settings()
    for names in (listed["left_out"], listed["with_article"], *listed["facts_left_out"].values()):
        assert set(names) <= known.keys()


@pytest.mark.parametrize(
    ("relation", "entity", "answer"),
    [
        ("capitals", "Peru", "Lima"),
        ("continents", "Kenya", "Africa"),
        ("currencies", "Japan", "yen"),
        ("highest_points", "Austria", "Grossglockner"),
        ("symbols", "sodium", "Na"),
        ("numbers", "gold", "79"),
        ("next_elements", "hydrogen", "helium"),
        ("groups", "neon", "group 18"),
    ],
)
def test_known_facts(relation, entity, answer):
    assert answer in [f.answer for f in facts_tables.facts() if (f.relation, f.entity) == (relation, entity)]


def test_the_data_card_in_data_counts_the_same():
    words = " ".join((data_dir() / "README.md").read_text().split())
    assert f"words {len(facts_tables.facts()):,} facts" in words
    assert f"{len(facts.questions()):,} questions with four options" in words


def test_facts_that_change_carry_a_year():
    assert {q.year for q in facts.questions() if q.subject == "capitals"} == {2025}
    assert {q.year for q in facts.questions() if q.subject == "numbers"} == {None}


def test_made_texts_stay_as_they_are_and_are_never_held_out():
    made = Document("facts/0/x", "Which?\nA. 1\nB. 2\nAnswer: A", made=True)
    kept, _ = documents.select([made, Document("wiki/x", "X\nA\u00a0word.")])
    assert kept == [made, Document("wiki/x", "X\nA word.")]
    train, validation, _ = documents.split([made], fraction=0.999999, seed=0)
    assert (train, validation) == ([made], [])


def test_other_texts_keep_their_names_and_sources():
    assert corpus.CorpusSpec(name="wiki+facts").hash() != corpus.CorpusSpec(name="wiki").hash()
    read = store._sources(corpus.CorpusSpec(name="wiki+facts"))
    assert [row["text"] for row in read] == ["wiki", "facts", "facts", "facts"]
    assert store._sources(corpus.CorpusSpec(name="wiki")) == read[:1]
    with pytest.raises(ConfigError, match="no text 'fact'"):
        corpus.CorpusSpec(name="wiki+fact")


def test_missing_tables_say_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_PACKAGES", str(tmp_path))
    with pytest.raises(packages.MissingPackage, match=re.escape("run ./run_all.sh setup")):
        facts_tables.countries()


@pytest.mark.slow
def test_facts_beside_the_wiki_leave_its_held_out_text_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path))
    plain = corpus.load(corpus.CorpusSpec(name="wiki"))
    both = corpus.load(corpus.CorpusSpec(name="wiki+facts"))
    assert both.card["bytes"]["validation"] == plain.card["bytes"]["validation"]
    assert both.card["bytes"]["train"] > 1.7 * plain.card["bytes"]["train"]
