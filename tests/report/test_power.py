"""Evidence drawn from watched losses, rounds until an average tells, and the validator that watches."""

import numpy as np
import pytest

from locolab.compress import CompressionSpec
from locolab.config import ConfigError
from locolab.corpus import Corpus, CorpusSpec
from locolab.report import power
from locolab.report.watch import WatchSpec, window_losses
from locolab.train import Swarm, TrainSpec


@pytest.fixture(scope="module")
def text():
    tokens = np.random.default_rng(0).integers(300, size=4000).astype(np.uint16)
    return Corpus(CorpusSpec(vocab_size=300), tokens[:3000], tokens[3000:], None, np.ones(300, int), {}, {})


def row(own_drop, n=12, others=64, seed=0):
    """Return what would be noted of a peer whose own windows lose `own_drop`, others 0.1, give or take."""
    draw = np.random.default_rng(seed)
    own, other = draw.normal(4, 0.3, n), draw.normal(4, 0.3, others)
    drops = draw.normal(own_drop, 0.05, n), draw.normal(0.1, 0.05, others)
    return {
        "own_before": own.tolist(),
        "own_after": (own - drops[0]).tolist(),
        "other_before": other.tolist(),
        "other_after": (other - drops[1]).tolist(),
    }


def test_evidence_grows_with_the_share_that_was_trained_and_with_the_number_drawn():
    rows = [row(0.16, seed=seed) for seed in range(8)]
    found = power.evidence(rows, [0.1875, 0.5, 1.0], [4, 12], draws=150).set_index(["sequences", "share"])[
        "p"
    ]
    assert found[4].is_monotonic_increasing
    assert found[12][1.0] > found[4][1.0] > 0.8
    assert 0.5 < found[4][0.1875] < 0.75


def test_who_trained_other_data_shows_no_evidence():
    rows = [row(0.1, seed=seed) for seed in range(20)]
    assert power.evidence(rows, [1.0], [4], draws=150)["p"][0] == pytest.approx(0.5, abs=0.08)


def test_pools_smaller_than_the_draw_are_left_out_and_too_few_others_are_named():
    found = power.evidence([row(0.2)], [0.1875, 1.0], [4, 32], draws=5)
    assert list(zip(found["share"], found["sequences"], strict=True)) == [(0.1875, 4), (0.1875, 32), (1.0, 4)]
    with pytest.raises(ValueError, match="need 80 other windows, the rows have 64"):
        power.evidence([row(0.2)], [0.1], [40], draws=1)


def test_more_evidence_needs_fewer_rounds_and_forgetting_sets_a_limit():
    needed = [power.rounds_to_tell(p) for p in (0.7, 0.8, 0.9, 0.99)]
    assert needed == sorted(needed, reverse=True)
    assert power.rounds_to_tell(0.62) == np.inf
    assert power.separation(0.62, alpha=0.01, rounds=600)[-1] > 0  # who forgets more slowly does tell
    assert power.rounds_by_counting(0.62) < 300
    assert power.rounds_by_counting(0.5) == np.inf


def test_the_average_has_the_mean_and_the_spread_of_its_formula():
    last = power.averages(0.8, 200)[:, -1]
    assert last.mean() == pytest.approx(0.6, abs=0.01)
    assert last.std() == pytest.approx(np.sqrt(0.05 / 1.95 * 4 * 0.8 * 0.2), rel=0.05)


def test_a_watching_validator_selects_everybody_and_notes_every_window(text):
    spec = TrainSpec(
        method="sparseloco", preset="pico", corpus=CorpusSpec(vocab_size=300), n_peers=2, local_steps=2,
        rounds=2, batch=2, compression=CompressionSpec(chunk=256, k=16), evaluate_sequences=4,
    )  # fmt: skip
    swarm = Swarm(spec, text, validator=WatchSpec(windows=6, every=2).build())
    assert swarm.round().selected == [0, 1]
    assert swarm.validator.last == []
    assert swarm.round().selected == [0, 1]
    assert [row["peer"] for row in swarm.validator.last] == [0, 1]
    for noted in swarm.validator.last:
        assert [len(noted[name]) for name in ("own_before", "own_after", "other_before")] == [4, 4, 6]
        assert noted["other_after"] != noted["other_before"]


def test_losses_of_windows_apart_average_to_the_loss_of_all(text):
    spec = TrainSpec(preset="pico", corpus=CorpusSpec(vocab_size=300), n_peers=1)
    model, draw = Swarm(spec, text).model, np.random.default_rng(0)
    windows = draw.integers(300, size=(5, 33))
    assert np.mean(window_losses(model, windows)) == pytest.approx(model.loss(windows).item(), abs=1e-5)


@pytest.mark.parametrize("changes", [{"windows": 0}, {"every": 0}, {"step": 0.0}])
def test_settings_that_watch_nothing_are_refused(changes):
    with pytest.raises(ConfigError, match="WatchSpec needs"):
        WatchSpec(**changes)
