"""What a run starts from: weights drawn from its seed, or those of a pretrained model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from locolab.config import ConfigError
from locolab.corpus import pretrained
from locolab.model import build
from locolab.train.spec import TrainSpec

if TYPE_CHECKING:
    from transformers import LlamaConfig, LlamaForCausalLM


def start_model(spec: TrainSpec) -> LlamaForCausalLM:
    """Return the model, fp32, with the weights that every peer of a run starts from.

    Raises MissingPackage, which says what to run, if `spec.start` has not been fetched; ConfigError, naming
    the tensor or number, if it is no model of the preset.
    """
    model = build(spec.model, spec.seed)
    if spec.start:
        _take_over(model, pretrained.known(spec.start).model(), spec)
    return model


def _take_over(model: LlamaForCausalLM, source: LlamaForCausalLM, spec: TrainSpec) -> None:
    """Copy the weights of `source`, after comparing what weights alone do not show."""
    what = f"preset {spec.preset!r} is not the model {spec.start!r}"
    for name, value in _numbers(source.config).items():
        if not math.isclose(value, own := _numbers(model.config)[name], rel_tol=1e-6):
            raise ConfigError(f"{what}: {name} is {own:g}, there {value:g}")
    given, taken = dict(source.named_parameters()), dict(model.named_parameters())
    for name in sorted(given.keys() | taken.keys()):
        shapes = [tuple(each[name].shape) if name in each else "absent" for each in (taken, given)]
        if shapes[0] != shapes[1]:
            raise ConfigError(f"{what}: tensor {name} is {shapes[0]}, there {shapes[1]}")
    for name, parameter in taken.items():
        parameter.data.copy_(given[name].detach())


def _numbers(config: LlamaConfig) -> dict[str, Any]:
    """Return what the forward pass reads beside the weights."""
    return {
        "the number of heads": config.num_attention_heads,
        "the base of the rotary positions": config.rope_parameters["rope_theta"],
        "the epsilon of the norms": config.rms_norm_eps,
    }
