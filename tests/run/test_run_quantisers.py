"""Chapter 04's recorded experiments: known values, seeds that pair with chapter 05's, own errors by round."""

import numpy as np
import pytest

from locolab.compress import CompressionSpec
from locolab.report.payloads import PUBLIC, QUANTISERS
from locolab.run.experiments import EXPERIMENTS, quantisers
from locolab.train import TrainSpec, run


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path))


def test_drawn_values_are_what_their_names_say():
    found = dict(quantisers.drawn(0, 512))
    assert found["normal"].std() == pytest.approx(1, rel=0.01)
    assert np.abs(found["Laplace"]).mean() == pytest.approx(1, rel=0.01)
    assert np.abs(found["Student t, 3"]).max() > 12 > 6 > np.abs(found["normal"]).max()
    blocks = found["normal, scales lognormal"].reshape(8, 64, 8, 64).std(axis=(1, 3))
    assert np.log(blocks).std() == pytest.approx(1, rel=0.3)


def test_every_quantiser_is_measured_on_every_drawn_source():
    table = quantisers.drawn_table((0, 1), side=64)
    assert len(table) == 4 * 2 * len(QUANTISERS)
    normal = table[(table["source"] == "normal") & (table["seed"] == 0)].set_index("quantiser")["error"]
    assert normal["3 bits per chunk"] < normal["2 bits per chunk"] < normal["1 bit per chunk"]
    assert normal[PUBLIC] > normal["2 bits per tensor"]


def test_long_runs_pair_with_chapter_05_but_for_compression_and_what_they_keep():
    headline = TrainSpec(**EXPERIMENTS["together"].arms["sparseloco H=15"])
    for settings in EXPERIMENTS["wire_together"].arms.values():
        spec = TrainSpec(**settings)
        assert spec.replace(compression=headline.compression, keep_deltas=0) == headline
    assert EXPERIMENTS["wire_together"].seeds == EXPERIMENTS["together"].seeds


def test_shorter_runs_pair_with_the_ablations_but_for_compression():
    paper = TrainSpec(**EXPERIMENTS["together_ablations"].arms["paper"])
    for settings in EXPERIMENTS["wire_pareto"].arms.values():
        assert TrainSpec(**settings).replace(compression=paper.compression) == paper
    assert EXPERIMENTS["wire_pareto"].seeds == EXPERIMENTS["together_ablations"].seeds


def test_a_long_runs_table_has_the_error_of_its_own_codes(cache):
    short = {"preset": "pico", "local_steps": 1, "rounds": 15, "n_peers": 1, "batch": 1, "keep_deltas": 15}
    base = {"method": "sparseloco", "evaluate_sequences": 1, **short}
    results = {
        f"{name} seed 0": run(TrainSpec(**base, compression=spec), progress=False)
        for name, spec in {
            "exact": CompressionSpec(quantizer="none"),
            "thrifty": CompressionSpec.thrifty(),
        }.items()
    }
    table = quantisers.trained_table(EXPERIMENTS["wire_together"], results)
    assert len(table) == 2 * 15
    errors = table.dropna(subset=["error"]).set_index("arm")
    assert list(errors["round"]) == [14, 14]
    assert errors.loc["exact", "error"] == 0 < errors.loc["thrifty", "error"] < 1
