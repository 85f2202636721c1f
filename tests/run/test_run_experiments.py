"""The recorded experiments: equal tokens, paired seeds, and settings that follow from the recorded trials."""

from __future__ import annotations

import pytest

from locolab.report import recorded
from locolab.report.scores import UNTRAINED
from locolab.run.experiments import EXPERIMENTS, together
from locolab.run.experiments.experiment import TUNING_SEED
from locolab.run.experiments.local_steps import TUNED

KNOBS = ("inner_lr", "outer_lr", "outer_momentum")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_arm_is_a_valid_run_of_every_seed(name):
    experiment = EXPERIMENTS[name]
    specs = experiment.specs()
    assert len(specs) == len(experiment.arms) * len(experiment.seeds)
    assert {run.spec.seed for run in specs.values()} == set(experiment.seeds)


def test_arms_that_are_compared_see_the_same_tokens_and_are_evaluated_at_the_same_steps():
    for name in ("local_steps", "local_steps_sweep", "local_steps_tuning"):
        specs = [run.spec for run in EXPERIMENTS[name].specs().values()]
        assert {spec.rounds * spec.tokens_per_round for spec in specs} == {240 * 4 * 4 * 128}
        assert {spec.evaluate_every * spec.local_steps for spec in specs} == {60}


def test_no_reported_run_uses_the_seed_of_the_trials():
    assert TUNING_SEED not in EXPERIMENTS["local_steps"].seeds
    assert EXPERIMENTS["local_steps_tuning"].seeds == (TUNING_SEED,)


@pytest.mark.parametrize("arm", TUNED)
def test_the_settings_of_an_arm_are_its_best_recorded_trial(arm):
    table = recorded.load("local_steps_tuning").frame
    trials = table[(table["arm"] == arm) & ((arm != "diloco_tuned") | (table["outer_momentum"] > 0))]
    best = trials.loc[trials["validation_loss"].idxmin()]
    assert TUNED[arm].items() <= best.to_dict().items()


@pytest.mark.parametrize("arm", ["adamw_dp", "averaging", "diloco_published"])
def test_the_best_inner_rate_is_not_on_the_edge_of_its_grid(arm):
    table = recorded.load("local_steps_tuning").frame
    rates = sorted(table.loc[table["arm"] == arm, "inner_lr"])
    assert rates[0] < TUNED[arm]["inner_lr"] < rates[-1]


@pytest.mark.parametrize("arm", ["adamw_dp", "diloco_published", "diloco_tuned", "sparseloco"])
def test_chapter_05_reports_the_best_of_as_many_trials_and_none_on_an_edge(arm):
    table = recorded.load("together_tuning").frame
    trials = table[table["arm"] == arm]
    assert len(trials) == 14
    best = trials.loc[trials["validation_loss"].idxmin()]
    reported = {name: together.TUNED[arm].get(name, best[name]) for name in KNOBS}
    assert reported == best[list(KNOBS)].to_dict()
    alike = trials[(trials[list(KNOBS[1:])] == best[list(KNOBS[1:])]).all(axis=1)]
    assert alike["inner_lr"].min() < best["inner_lr"] < alike["inner_lr"].max()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_is_recorded_is_what_the_registry_describes(name):
    experiment, found = EXPERIMENTS[name], recorded.load(name)
    assert found.card["description"] == experiment.description
    assert found.card["seeds"] == sorted(set(found.frame["seed"])) == list(experiment.seeds)
    if "arm" in found.frame and not name.endswith("_tuning"):  # trials are told apart by their settings
        assert set(found.frame["arm"]) - {UNTRAINED} == set(experiment.arms)
