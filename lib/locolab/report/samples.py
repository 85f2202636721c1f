"""What a trained model writes: a short continuation of a given beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import LlamaForCausalLM


@torch.no_grad()
def continuation(
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    beginning: str,
    n_tokens: int = 40,
    temperature: float = 0.7,
    seed: int = 0,
) -> str:
    """Return `beginning` and `n_tokens` more, each drawn from what the model predicts, in one line.

    `temperature` below 1 prefers likely tokens; the same seed gives the same text. The model sees no more
    than its own context. Characters of which a part is missing show as a replacement mark.
    """
    generator = torch.Generator().manual_seed(seed)
    tokens = list(tokenizer.encode(beginning).ids)
    for _ in range(n_tokens):
        seen = torch.tensor([tokens[-model.config.max_position_embeddings :]])
        chances = torch.softmax(model(seen).logits[0, -1] / temperature, dim=0)
        tokens.append(int(torch.multinomial(chances, 1, generator=generator)))
    return " ".join(tokenizer.decode(tokens).split())
