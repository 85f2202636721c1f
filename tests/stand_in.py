"""A stand-in for the pretrained model of a data package: as small as the tests' own models."""

import dataclasses
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


@dataclasses.dataclass
class StandIn:
    """Some weights and a tokenizer behind the protocol of pretrained models."""

    given: Tokenizer
    weights: LlamaForCausalLM

    def pin(self) -> dict[str, str]:
        return {"name": "stand-in"}

    def path(self) -> Path:
        return Path("nowhere")

    def tokenizer(self) -> Any:
        return PreTrainedTokenizerFast(tokenizer_object=self.given)

    def model(self) -> LlamaForCausalLM:
        return self.weights
