"""The pretrained control: a model that is above chance, to show that the harness can tell."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch

from locolab.corpus import pretrained

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

CONTROL_NAME = "SmolLM2-135M-Instruct, Q4_1 dequantised"
"""What it is; its scores are not SmolLM2's."""


def load_control(dtype: torch.dtype = torch.bfloat16) -> tuple[LlamaForCausalLM, Any]:
    """Return (model, tokenizer) of the control, in `dtype`, from its package of 4-bit weights.

    Raises MissingPackage, which says what to run, if it has not been fetched.
    """
    source = pretrained.known("smollm2")
    source.path()
    from transformers import modeling_gguf_pytorch_utils as gguf

    from locolab.evaluate.quiet import quiet

    silent = functools.partial(gguf.tqdm, disable=True)  # it draws in notebooks, whatever stderr is
    with quiet(), mock.patch.object(gguf, "tqdm", silent):
        return source.model().to(dtype).eval(), source.tokenizer()
