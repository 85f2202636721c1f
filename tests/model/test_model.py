"""The presets' counts against published ones, and the shapes against the models transformers builds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.config import ConfigError
from locolab.model import PRESETS, ModelSpec, build, count_parameters, shapes


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        (PRESETS["covenant_72b"], 72_747_327_488),  # the released configuration, untied
        (PRESETS["covenant_72b"].replace(tie_embeddings=True), 70_599_843_840),
        (PRESETS["8b"], 8_030_261_248),  # LLaMA-3-8B's published count
        (PRESETS["150m"], 186_934_272),  # templar v2.1.3, 150M.json, tied
        (ModelSpec(32000, 2048, 16, 8, 8, 8192, 2048), 1_139_345_408),  # templar v2.1.3, 1B.json, tied
        (PRESETS["tiny"], 158_016),
        (PRESETS["nano"], 403_104),
        (PRESETS["micro"], 869_504),
        (PRESETS["mini"], 9_835_392),
    ],
)
def test_counts_are_the_published_ones(spec, count):
    assert count_parameters(spec) == count


small = st.builds(
    lambda vocab, head, heads, groups, layers, ffn, tie: ModelSpec(
        vocab_size=vocab,
        hidden=2 * head * heads * groups,
        layers=layers,
        heads=heads * groups,
        kv_heads=heads,
        ffn=ffn,
        context=8,
        tie_embeddings=tie,
    ),
    st.integers(2, 40),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 20),
    st.booleans(),
)


@settings(max_examples=10, deadline=None)
@given(small)
def test_shapes_are_those_of_the_built_model(spec):
    built = {name: p.shape for name, p in build(spec, seed=0).named_parameters()}
    assert list(built.items()) == list(shapes(spec).items())


def test_build_follows_the_seed_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build(PRESETS["nano"], seed) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    weights = [model.model.embed_tokens.weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert weights[0].dtype == torch.float32
    assert first.config.use_cache is False


def test_an_untrained_model_knows_nothing():
    model = build(PRESETS["nano"], seed=0)
    tokens = torch.randint(0, 1024, (2, 128), generator=torch.Generator().manual_seed(0))
    loss = model(input_ids=tokens, labels=tokens).loss.item()
    assert loss == pytest.approx(torch.log(torch.tensor(1024.0)).item(), abs=0.15)


@pytest.mark.parametrize("preset", ["8b", "covenant_72b"])
def test_counted_only_presets_are_not_built(preset):
    with pytest.raises(ConfigError, match="only counted"):
        build(PRESETS[preset], seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "layers"),
        ({"heads": 5}, "heads=5 does not divide"),
        ({"kv_heads": 3}, "kv_heads=3 does not divide"),
        ({"hidden": 12, "kv_heads": 4}, "even head size"),
        ({"width": 3}, "no parameter 'width'"),
    ],
)
def test_impossible_models_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        ModelSpec().replace(**change)


def test_presets_are_distinct():
    hashes = {spec.hash() for spec in PRESETS.values()}
    assert len(hashes) == len(PRESETS)
