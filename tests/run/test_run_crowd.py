"""The recorded runs of several names and of churn: what is compared is alike, and the tables' columns."""

import pytest

from locolab.gauntlet.training import Lazy, Sybil
from locolab.run.experiments import EXPERIMENTS, crowd
from locolab.train import run_many


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path))


SMALL = {"preset": "pico", "rounds": 2, "local_steps": 2, "batch": 1, "evaluate_every": 1}


def shortly(name, *labels):
    """Return the table of some of an experiment's runs, made as small as can be."""
    experiment = EXPERIMENTS[name]
    arms = {label: experiment.specs()[label].replace(**SMALL, evaluate_sequences=4) for label in labels}
    return experiment.table(experiment, run_many(arms, progress=False))


def test_an_owner_has_the_work_of_one_peer():
    assert crowd.names_of("steps", 4) == dict.fromkeys((5, 6, 7, 8), Lazy(share=0.25))
    parts = crowd.names_of("parts", 4)
    assert {each.leader for each in parts.values()} == {5}
    assert [each.part for each in parts.values()] == [0, 1, 2, 3]
    assert all(isinstance(each, Sybil) and each.of == 4 for each in parts.values())
    assert crowd.owners()["full|one|1"].behaviours == {}


def test_churned_runs_differ_from_the_steady_one_in_who_takes_part_alone():
    arms = crowd.arms()
    assert len({arm.spec for arm in arms.values()}) == 1
    assert arms["steady"].churn is None
    assert arms["first come"].churn == arms["full"].churn == crowd.CHURN
    assert crowd.CHURN.cap == arms["first come"].validator.seats == arms["full"].validator.rules.seats == 8
    assert arms["steady"].spec.n_peers == round(crowd.CHURN.contributing) == 7


def test_owners_are_paid_shares_of_one_whole_under_both_schemes(cache, monkeypatch):
    monkeypatch.setattr(crowd, "JUDGED", 1)
    table = shortly("sybils", "full|one|1 seed 0", "full|steps|2 seed 0")
    assert len(table) == 2 * 2 + 2  # one name stands there for both ways, each paid under two schemes
    assert set(table["scheme"]) == {"paper", "templar"}
    whole = table["owner_share"] + crowd.HONEST * table["honest_share"]
    assert whole.to_list() == pytest.approx([1.0] * len(table))
    assert table["owner_share"].between(0, 1).all()
    assert table["aggregated"].between(0, 1).all()
    assert table["validation_loss"].notna().all()


def test_a_churned_run_seats_no_more_than_its_cap(cache):
    table = shortly("churn", "steady seed 0", "first come seed 0")
    steady, churned = (table[table["arm"] == arm] for arm in ("steady", "first come"))
    assert steady[["live", "submitting", "contributing"]].eq(7).all(axis=None)
    assert (churned["contributing"] <= crowd.CHURN.cap).all()
    assert (churned["contributing"] <= churned["submitting"]).all()
    assert (churned["submitting"] <= churned["live"]).all()
