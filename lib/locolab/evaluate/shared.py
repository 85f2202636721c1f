"""Options that follow the same prompt, scored in one pass: the prompt is computed once, not once an option.

A row holds the prompt and behind it every option. A mask lets an option see the prompt and itself; each
option's positions go on from the prompt's end. The likelihoods are those of separate passes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

PADDING = -1
"""The segment of what fills a row; 0 is the prompt, 1, 2 ... are the options."""

Group = tuple[list[int], list[list[int]]]
"""A prompt's tokens, and those of the options that may follow it; none is empty."""


def likelihoods(
    model: torch.nn.Module, groups: Sequence[Group], batch_size: int
) -> list[list[tuple[float, bool]]]:
    """Return, for each option of each group, (ln P(option | prompt), whether it is the greedy continuation).

    `model` takes masks of four dimensions and positions, as transformers' Llama does. Rows of like length are
    computed together, `batch_size` at a time; log-probabilities are float32.
    """
    packed = [pack(prompt, options) for prompt, options in groups]
    order = sorted(range(len(groups)), key=lambda place: -len(packed[place][0]))
    found: list[list[tuple[float, bool]]] = [[] for _ in groups]
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        logits = _logits(model, [packed[place][:3] for place in places])
        for row, place in zip(logits, places, strict=True):
            found[place] = [
                _score(row[reads], option)
                for reads, option in zip(packed[place][3], groups[place][1], strict=True)
            ]
    return found


def pack(
    prompt: list[int], options: Sequence[list[int]]
) -> tuple[list[int], list[int], list[int], list[list[int]]]:
    """Return tokens, segments and positions of one row, and for each option where its tokens are predicted.

    An option's last token predicts nothing that is asked for, so it is left out.

    >>> pack([7, 8], [[4], [5, 6]])
    ([7, 8, 5], [0, 0, 2], [0, 1, 2], [[1], [1, 2]])
    """
    ids, segments, reads = list(prompt), [0] * len(prompt), []
    positions = list(range(len(prompt)))
    for number, option in enumerate(options, start=1):
        inside = range(len(ids), len(ids) + len(option) - 1)
        reads.append([len(prompt) - 1, *inside])
        ids += option[:-1]
        segments += [number] * len(inside)
        positions += range(len(prompt), len(prompt) + len(inside))
    return ids, segments, positions, reads


@torch.no_grad()
def _logits(model: torch.nn.Module, rows: Sequence[tuple[list[int], list[int], list[int]]]) -> torch.Tensor:
    """Return the logits of some rows: rows x longest x vocabulary."""
    device = next(model.parameters()).device
    ids, segments, positions = (
        pad_sequence([torch.tensor(each) for each in column], batch_first=True, padding_value=fill).to(device)
        for column, fill in zip(zip(*rows, strict=True), (0, PADDING, 0), strict=True)
    )
    asks, seen = segments[:, :, None], segments[:, None, :]
    mask = ((seen == 0) | (seen == asks)).tril()[:, None]
    found: torch.Tensor = model(ids, attention_mask=mask, position_ids=positions, use_cache=False).logits
    return found


def _score(logits: torch.Tensor, option: list[int]) -> tuple[float, bool]:
    target = torch.tensor(option, device=logits.device)
    logs = logits.float().log_softmax(-1)
    right = bool((logs.argmax(-1) == target).all())
    return logs.gather(1, target[:, None]).sum().item(), right
