"""LLaMA-3-style decoders: their shapes from the numbers alone, and the small ones as real models.

The architecture is transformers' `LlamaForCausalLM` (RMSNorm, rotary positions, grouped-query
attention, SwiGLU, no biases), which is what the Covenant run exported (arXiv 2603.08163, section 4.1).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from locolab.config import Config, ConfigError

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

COUNTED_ABOVE = 1_000_000_000
"""Presets with more parameters are only counted: building one in fp32 needs more than 4 GB."""

NORM_EPSILON = 1e-5


@dataclasses.dataclass(frozen=True)
class ModelSpec(Config):
    """The numbers that fix a decoder; widths in units, `context` in tokens.

    >>> ModelSpec(hidden=96, heads=5)
    Traceback (most recent call last):
    locolab.config.ConfigError: ModelSpec.heads=5 does not divide hidden=96
    """

    vocab_size: int = 1024
    hidden: int = 96
    layers: int = 3
    heads: int = 4
    kv_heads: int = 2
    ffn: int = 256
    context: int = 128
    rope_theta: float = 10000.0
    tie_embeddings: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("vocab_size", "hidden", "layers", "heads", "kv_heads", "ffn", "context"):
            if getattr(self, name) < 1:
                raise ConfigError(f"ModelSpec.{name} should be at least 1, got {getattr(self, name)}")
        if self.hidden % self.heads:
            raise ConfigError(f"ModelSpec.heads={self.heads} does not divide hidden={self.hidden}")
        if self.heads % self.kv_heads:
            raise ConfigError(f"ModelSpec.kv_heads={self.kv_heads} does not divide heads={self.heads}")
        if (self.hidden // self.heads) % 2:
            raise ConfigError(
                f"rotary positions need an even head size, got hidden/heads = {self.hidden // self.heads}"
            )


PRESETS: dict[str, ModelSpec] = {
    # for tests and smoke runs: a step takes 2 ms, its losses say nothing
    "pico": ModelSpec(hidden=32, layers=1, heads=2, kv_heads=1, ffn=64, context=32),
    # the smaller size of recorded comparisons
    "tiny": ModelSpec(hidden=64, layers=2, ffn=176, context=64),
    "nano": ModelSpec(),
    "micro": ModelSpec(hidden=128, layers=4, ffn=352),
    "mini": ModelSpec(hidden=384, layers=6, heads=6, ffn=1024, context=256),
    # SmolLM2-135M-Instruct as released: the header of the GGUF file in its data package
    "smollm2": ModelSpec(
        vocab_size=49152,
        hidden=576,
        layers=30,
        heads=9,
        kv_heads=3,
        ffn=1536,
        context=8192,
        rope_theta=100000.0,
    ),
    # tplr-ai/templar v2.1.3, 150M.json: 2688 asked for, 2816 after rounding up to a multiple of 256
    "150m": ModelSpec(
        vocab_size=32000, hidden=1024, layers=12, heads=16, kv_heads=16, ffn=2816, context=2048
    ),
    # LLaMA-3-8B as released
    "8b": ModelSpec(
        vocab_size=128256,
        hidden=4096,
        layers=32,
        heads=32,
        kv_heads=8,
        ffn=14336,
        context=8192,
        rope_theta=500000.0,
        tie_embeddings=False,
    ),
    # arXiv 2603.08163, section 4.1; vocabulary of the released configuration
    "covenant_72b": ModelSpec(
        vocab_size=262144,
        hidden=8192,
        layers=80,
        heads=64,
        kv_heads=8,
        ffn=28672,
        context=2048,
        rope_theta=500000.0,
        tie_embeddings=False,
    ),
}
"""Models by name. `8b` and `covenant_72b` are only counted, never built."""


def shapes(spec: ModelSpec) -> dict[str, torch.Size]:
    """Return the shape of every trained tensor, by its name in `LlamaForCausalLM`, in the model's order.

    A tied output layer is the embedding itself and is not listed again.

    >>> shapes(PRESETS["nano"])["model.layers.0.self_attn.k_proj.weight"]
    torch.Size([48, 96])
    """
    kv_width = spec.hidden // spec.heads * spec.kv_heads
    layer = {
        "self_attn.q_proj.weight": (spec.hidden, spec.hidden),
        "self_attn.k_proj.weight": (kv_width, spec.hidden),
        "self_attn.v_proj.weight": (kv_width, spec.hidden),
        "self_attn.o_proj.weight": (spec.hidden, spec.hidden),
        "mlp.gate_proj.weight": (spec.ffn, spec.hidden),
        "mlp.up_proj.weight": (spec.ffn, spec.hidden),
        "mlp.down_proj.weight": (spec.hidden, spec.ffn),
        "input_layernorm.weight": (spec.hidden,),
        "post_attention_layernorm.weight": (spec.hidden,),
    }
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (spec.vocab_size, spec.hidden)}
    for index in range(spec.layers):
        found |= {f"model.layers.{index}.{name}": shape for name, shape in layer.items()}
    found["model.norm.weight"] = (spec.hidden,)
    if not spec.tie_embeddings:
        found["lm_head.weight"] = (spec.vocab_size, spec.hidden)
    return {name: torch.Size(shape) for name, shape in found.items()}


def count_parameters(spec: ModelSpec) -> int:
    """Return the number of trained parameters, from the shapes alone.

    >>> count_parameters(PRESETS["covenant_72b"])
    72747327488
    >>> count_parameters(PRESETS["nano"])
    403104
    """
    return sum(shape.numel() for shape in shapes(spec).values())


def build(spec: ModelSpec, seed: int) -> LlamaForCausalLM:
    """Return the model in fp32 with weights drawn from `seed`; the global generator is left as it was.

    Raises ConfigError for a model above `COUNTED_ABOVE` parameters.
    """
    count = count_parameters(spec)
    if count > COUNTED_ABOVE:
        raise ConfigError(
            f"a model of {count:,} parameters is only counted here, never built; "
            f"use count_parameters or shapes, or a preset below {COUNTED_ABOVE:,}"
        )
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=spec.vocab_size,
        hidden_size=spec.hidden,
        intermediate_size=spec.ffn,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        num_key_value_heads=spec.kv_heads,
        max_position_embeddings=spec.context,
        rope_parameters={"rope_type": "default", "rope_theta": spec.rope_theta},
        rms_norm_eps=NORM_EPSILON,
        tie_word_embeddings=spec.tie_embeddings,
        use_cache=False,
        bos_token_id=None,
        eos_token_id=None,
        # Measured on one core at nano, batch 4 x 128, fp32: sdpa 17.3-18.7 k tokens/s, eager 16.5-16.7 k.
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).float()
