"""Every field of a specification is checked, and one run has one name."""

import pytest

from locolab.compress import CompressionSpec
from locolab.config import ConfigError
from locolab.corpus import CorpusSpec
from locolab.train import TrainSpec

SPARSE = CompressionSpec()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "fedavg"}, "method should be one of 'adamw_dp'"),
        ({"preset": "huge"}, "preset should be one of"),
        ({"method": "sparseloco"}, "needs compression"),
        ({"compression": SPARSE}, "no meaning for method 'averaging'"),
        ({"method": "sparseloco", "compression": {"k": 64}}, "CompressionSpec or None"),
        ({"method": "sparseloco", "compression": SPARSE, "rule": "sum"}, "rule should be one of"),
        ({"method": "sparseloco", "compression": SPARSE, "norm_clip": "max"}, "norm_clip should be one of"),
        ({"method": "sparseloco", "compression": SPARSE, "selection": "best"}, "selection should be one of"),
        ({"method": "diloco", "rule": "contributor_mean"}, "no meaning for method 'diloco'"),
        ({"method": "diloco", "norm_clip": "median_norm"}, "no meaning for method 'diloco'"),
        ({"outer_lr": 0.7}, "with an outer optimiser it is 'diloco'"),
        ({"method": "adamw_dp", "outer_momentum": 0.9}, "no meaning for method 'adamw_dp'"),
        ({"method": "adamw_dp", "keep_deltas": 1}, "no meaning for method 'adamw_dp'"),
        ({"method": "diloco", "nesterov": True}, "nesterov needs outer_momentum"),
        ({"method": "diloco", "outer_momentum": 1.0}, r"outer_momentum should be in \[0, 1\)"),
        ({"corpus": "wiki"}, "corpus should be a CorpusSpec"),
        ({"n_peers": 0}, "n_peers should be at least 1"),
        ({"local_steps": 0}, "local_steps should be at least 1"),
        ({"rounds": 0}, "rounds should be at least 1"),
        ({"batch": 0}, "batch should be at least 1"),
        ({"threads": 0}, "threads should be at least 1"),
        ({"evaluate_every": 0}, "evaluate_every should be at least 1"),
        ({"evaluate_sequences": 0}, "evaluate_sequences should be at least 1"),
        ({"checkpoint_every": 0}, "checkpoint_every should be at least 1"),
        ({"keep_deltas": -1}, "keep_deltas should be at least 0"),
        ({"seed": -1}, "seed should be at least 0"),
        ({"inner_lr": 0.0}, "inner_lr should be positive"),
        ({"inner_lr": float("nan")}, "inner_lr should be positive"),
        ({"clip": float("inf")}, "clip should be positive and finite"),
        ({"method": "diloco", "outer_lr": -1.0}, "outer_lr should be positive"),
        ({"warmup": 1.0}, r"warmup should be in \[0, 1\)"),
        ({"final_lr": 1.5}, r"final_lr should be in \[0, 1\]"),
        ({"weight_decay": -0.1}, "weight_decay should be at least 0"),
        ({"betas": (0.9,)}, "betas should be two numbers"),
        ({"betas": (0.9, 1.0)}, "betas should be two numbers"),
        ({"rounds": "3"}, "rounds should be int"),
        ({"rounds": 3.0}, "rounds should be int"),
        ({"nesterov": 1}, "nesterov should be bool"),
        ({"n_peers": True}, "n_peers should be int"),
    ],
)
def test_impossible_runs_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        TrainSpec(**fields)


def test_unknown_parameters_are_refused():
    with pytest.raises(ConfigError, match="did you mean 'local_steps'"):
        TrainSpec.from_parameters({"local_step": 5})


def test_one_run_has_one_name():
    assert TrainSpec(inner_lr=1, betas=[0.9, 0.95]).hash() == TrainSpec(inner_lr=1.0).hash()
    assert TrainSpec(seed=1).hash() != TrainSpec().hash()
    assert TrainSpec(corpus=CorpusSpec(seed=1)).hash() != TrainSpec().hash()


def test_the_model_takes_the_vocabulary_of_the_text():
    spec = TrainSpec(preset="micro", corpus=CorpusSpec(vocab_size=2048))
    assert spec.model.vocab_size == 2048
    assert spec.model.hidden == 128


def test_data_parallel_exchanges_at_every_step():
    assert TrainSpec(method="adamw_dp", local_steps=7).exchanges == 7
    assert TrainSpec(local_steps=7).exchanges == 1
