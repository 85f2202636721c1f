"""A run starts from weights that others trained, with their tokens; here a small stand-in gives them."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from locolab import corpus
from locolab.config import ConfigError
from locolab.corpus import MissingPackage, packages, pretrained
from locolab.corpus.tokens import END
from locolab.model import PRESETS, build, count_parameters
from locolab.train import Swarm, TrainSpec, run
from locolab.train.flat import flatten
from stand_in import StandIn

SHAPE = PRESETS["pico"].replace(vocab_size=300, context=512)


@pytest.fixture
def weights():
    """The stand-in's weights are those of a seed that no run has."""
    return build(SHAPE, seed=77)


@pytest.fixture
def started(spec, text, weights, monkeypatch):
    """The small run, from the stand-in."""
    monkeypatch.setitem(pretrained.PRETRAINED, "small", StandIn(text.tokenizer, weights))
    return spec.replace(corpus=spec.corpus.replace(tokenizer="small"), start="small", context=16)


def flat(model):
    return flatten({name: tensor.detach() for name, tensor in model.named_parameters()})


@pytest.mark.parametrize("method", ["adamw_dp", "averaging"])
def test_everybody_starts_from_the_given_weights(started, weights, method):
    swarm = Swarm(started.replace(method=method), corpus.load(started.corpus))
    assert torch.equal(swarm.theta, flat(weights))
    swarm.round()
    assert not torch.equal(swarm.theta, flat(weights))


def test_a_started_run_is_trained_in_short_windows_and_cached(started, weights):
    result = run(started, progress=False)
    windows = started.n_peers * started.local_steps * started.batch
    assert result.rounds[-1].tokens == started.rounds * windows * 16
    assert started.tokens_per_round == windows * 16
    trained = flat(result.load_model())
    assert 0 < (trained - flat(weights)).norm() < flat(weights).norm()
    assert run(started, progress=False).directory == result.directory
    assert run(started.replace(start=""), progress=False).directory != result.directory


def test_a_corpus_takes_the_given_tokens(started, text):
    found = corpus.load(started.corpus)
    assert found.card["tokenizer"] == {"name": "stand-in"}
    assert (found.train == text.train).all()
    with pytest.raises(ConfigError, match="vocab_size=400, but the tokenizer of 'small' has 300 tokens"):
        corpus.load(started.corpus.replace(vocab_size=400))


def test_tokens_that_lose_bytes_are_refused(started, monkeypatch):
    letters = sorted(set(pre_tokenizers.ByteLevel.alphabet()) - {"e"})
    names = [END, *letters, *(f"<unused {n}>" for n in range(300 - 1 - len(letters)))]
    deaf = Tokenizer(models.BPE({name: place for place, name in enumerate(names)}, []))
    deaf.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    monkeypatch.setitem(pretrained.PRETRAINED, "deaf", StandIn(deaf, None))
    with pytest.raises(ValueError, match="bytes less than train has"):
        corpus.load(started.corpus.replace(tokenizer="deaf"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ffn": 48}, r"tensor model\.layers\.0\.mlp\.down_proj\.weight is \(32, 64\), there \(32, 48\)"),
        ({"layers": 2}, r"tensor model\.layers\.1\.\S+ is absent, there \("),
        ({"tie_embeddings": False}, r"tensor lm_head\.weight is absent, there \(300, 32\)"),
        ({"rope_theta": 5e5}, "the base of the rotary positions is 10000, there 500000"),
        ({"heads": 4, "kv_heads": 2}, "the number of heads is 2, there 4"),
    ],
)
def test_weights_that_do_not_fit_are_named(started, change, message, text, monkeypatch):
    other = build(SHAPE.replace(**change), seed=0)
    monkeypatch.setitem(pretrained.PRETRAINED, "small", StandIn(text.tokenizer, other))
    with pytest.raises(ConfigError, match=f"preset 'pico' is not the model 'small': {message}"):
        Swarm(started, text)


def test_a_start_needs_its_own_tokens():
    with pytest.raises(ConfigError, match="give the corpus tokenizer='smollm2' too, not ''"):
        TrainSpec(start="smollm2")
    with pytest.raises(ConfigError, match="context should be at least 0"):
        TrainSpec(context=-1)


def test_unknown_models_are_listed(spec):
    with pytest.raises(ConfigError, match="no pretrained model 'gpt'; known: smollm2"):
        spec.corpus.replace(tokenizer="gpt")


def test_a_missing_package_says_what_to_run(tmp_path, monkeypatch, spec):
    monkeypatch.setenv("LOCOLAB_PACKAGES", str(tmp_path))
    given = spec.corpus.replace(tokenizer="smollm2", vocab_size=49152)
    with pytest.raises(MissingPackage, match=r"run \./run_all\.sh data control"):
        corpus.load(given)


def test_new_fields_rename_no_run():
    """Names given before the fields existed; trainings kept under them stay findable."""
    assert TrainSpec().hash() == "7fb6143258ccbbd8"
    assert TrainSpec(context=64).hash() != TrainSpec().hash()


def test_the_preset_is_the_released_model():
    """The file of SmolLM2-135M-Instruct holds 134,515,008 numbers; its output layer is the embedding."""
    assert count_parameters(PRESETS["smollm2"]) == 134_515_008


@pytest.mark.slow
def test_the_package_fits_its_preset():
    try:
        path = pretrained.known("smollm2").path()
    except packages.MissingPackage as missing:
        pytest.skip(str(missing))
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    preset = PRESETS["smollm2"]
    header = {
        "llama.embedding_length": preset.hidden,
        "llama.block_count": preset.layers,
        "llama.attention.head_count": preset.heads,
        "llama.attention.head_count_kv": preset.kv_heads,
        "llama.feed_forward_length": preset.ffn,
        "llama.context_length": preset.context,
        "llama.rope.freq_base": preset.rope_theta,
    }
    assert {name: fields[name].contents() for name in header} == header
