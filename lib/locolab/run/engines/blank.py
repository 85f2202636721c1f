"""A model without its beginning: what a peer trains on whose parameters come from the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from locolab.model import NORM_EPSILON, ModelSpec, shapes
from locolab.train import FlatModel

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


class _Blank:
    """Names, shapes and numbers of a `LlamaForCausalLM`, all that the forward pass of `locolab.train` reads.

    Importing transformers would take most of a peer's start.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._shapes = shapes(spec)
        self.config = SimpleNamespace(
            hidden_size=spec.hidden,
            num_hidden_layers=spec.layers,
            num_attention_heads=spec.heads,
            rms_norm_eps=NORM_EPSILON,
            rope_parameters={"rope_theta": spec.rope_theta},
            tie_word_embeddings=spec.tie_embeddings,
        )

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield zeros of every shape, by name."""
        return ((name, torch.zeros(shape)) for name, shape in self._shapes.items())


def blank(spec: ModelSpec) -> FlatModel:
    """Return a working model of zeros; `theta` is loaded into it before anything is computed."""
    return FlatModel(cast("LlamaForCausalLM", _Blank(spec)))
