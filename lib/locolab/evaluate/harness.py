"""lm-eval in this process: a live model behind its interface, and its tasks. Importing this takes seconds."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lm_eval
import torch
from datasets import Dataset, DatasetDict
from lm_eval import evaluator
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from locolab.config import ConfigError
from locolab.corpus.mmlu import LETTERS, Question
from locolab.corpus.tokens import END
from locolab.evaluate import shared

PADDED = 128
"""Rows by which a model's vocabulary may exceed its tokenizer's: some are rounded up."""

Request = tuple[Any, list[int], list[int]]
Results = list[tuple[float, bool]]


class LiveModel(HFLM):
    """lm-eval's interface around a model in memory, which counts and handles what is too long.

    lm-eval keeps the last `max_length` tokens of prompt and option. An option longer than that is scored in
    pieces here, each after as much text as fits; lm-eval itself stops at one. Options that follow the same
    prompt share its computation where the model is a Llama (see `shared`).
    """

    def __init__(self, model: torch.nn.Module, tokenizer: Any, batch_size: int) -> None:
        super().__init__(
            pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=batch_size,
            softmax_dtype="float32",
        )  # fmt: skip
        self.lengths: list[int] = []

    def _loglikelihood_tokens(self, requests: Sequence[Request], *args: Any, **kwargs: Any) -> Results:
        self.lengths += [len(context) + len(option) - 1 for _, context, option in requests]
        found = self._shared(requests)
        alone = [place for place in range(len(requests)) if place not in found]
        parts = [self._pieces(requests[place]) for place in alone]
        results = iter(super()._loglikelihood_tokens([p for part in parts for p in part], *args, **kwargs))
        for place, part in zip(alone, parts, strict=True):
            joined = [next(results) for _ in part]
            found[place] = sum(value for value, _ in joined), all(greedy for _, greedy in joined)
        return [found[place] for place in range(len(requests))]

    def _shared(self, requests: Sequence[Request]) -> dict[int, tuple[float, bool]]:
        """Return the results, by place, of requests that share a prompt with others and are not too long.

        An option longer than its prompt is left alone: it would gain little, and many of them, as the pieces
        of texts behind one token are, would make one row of everything.
        """
        if not isinstance(self.model, LlamaForCausalLM):
            return {}
        alike: dict[tuple[int, ...], list[int]] = {}
        for place, (_, context, option) in enumerate(requests):
            if len(option) <= len(context) <= self.max_length + 1 - len(option):
                alike.setdefault(tuple(context), []).append(place)
        groups = [places for places in alike.values() if len(places) > 1]
        asked = [(requests[places[0]][1], [requests[place][2] for place in places]) for places in groups]
        scored = shared.likelihoods(self.model, asked, self.batch_size)
        return {
            place: result
            for places, results in zip(groups, scored, strict=True)
            for place, result in zip(places, results, strict=True)
        }

    def _pieces(self, request: Request) -> list[Request]:
        _, context, option = request
        if len(option) <= self.max_length:
            return [request]
        step = max(1, self.max_length // 2)
        starts = range(0, len(option), step)
        return [(None, context + option[:start], option[start : start + step]) for start in starts]


def live(model: torch.nn.Module, tokenizer: Any, batch_size: int = 16) -> LiveModel:
    """Return lm-eval's view of a model; a bare `tokenizers.Tokenizer` is wrapped.

    Raises ConfigError if the tokenizer's ids and the model's vocabulary differ, or it has no end token.
    """
    if isinstance(tokenizer, Tokenizer):
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END)
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        raise ConfigError(
            f"expected a tokenizer of tokenizers or transformers, got {type(tokenizer).__name__}"
        )
    if tokenizer.bos_token_id is None and tokenizer.eos_token_id is None:
        raise ConfigError("the tokenizer names no token that begins or ends a text; set its eos_token")
    rows = model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
    if not 0 <= rows - len(tokenizer) < PADDED:
        raise ConfigError(
            f"the tokenizer does not fit the model: it has {len(tokenizer):,} tokens, the model {rows:,}; "
            "load the tokenizer the model was trained with"
        )
    return LiveModel(model, tokenizer, batch_size)


def mmlu_task(name: str, n_shot: int) -> Any:
    """Return one of lm-eval's own tasks, unmodified; the current folder decides where "cais/mmlu" is read."""
    return _mmlu_task(name, n_shot, Path.cwd())


@functools.lru_cache(maxsize=256)
def _mmlu_task(name: str, n_shot: int, _folder: Path) -> Any:
    """Return a task that is loaded once a process: reading its data set takes longer than a few questions."""
    task = _manager().load([name])["tasks"][name]
    task.set_config(key="num_fewshot", value=n_shot)
    return task


@functools.cache
def _manager() -> Any:
    own = Path(lm_eval.__file__).parent / "tasks/mmlu"
    return TaskManager(include_path=[own / "default", own / "continuation"], include_defaults=False)


def own_task(name: str, form: str, questions: Sequence[Question]) -> Any:
    """Return a task of our own whose prompts are MMLU's without the line about the subject.

    That line alone would fill a small model's context.
    """
    rows = [{"question": q.question, "choices": list(q.choices), "answer": q.answer} for q in questions]
    options = [f"{letter}. {{{{choices[{place}]}}}}" for place, letter in enumerate(LETTERS)]
    letter_form = {
        "doc_to_text": "\n".join(["{{question}}", *options, "Answer:"]),
        "doc_to_choice": list(LETTERS),
    }
    cloze_form = {"doc_to_text": "Question: {{question}}\nAnswer:", "doc_to_choice": "{{choices}}"}
    metrics = ("acc", "acc_norm") if form == "cloze" else ("acc",)
    return ConfigurableTask(
        config={
            "task": name,
            "custom_dataset": lambda **_: DatasetDict(test=Dataset.from_list(rows)),
            "test_split": "test",
            "output_type": "multiple_choice",
            **(cloze_form if form == "cloze" else letter_form),
            "doc_to_target": "answer",
            "num_fewshot": 0,
            "metric_list": [{"metric": metric} for metric in metrics],
            "metadata": {"version": 1.0},
        }
    )


def run(model: LiveModel, task: Any, places: Sequence[int]) -> list[dict[str, Any]]:
    """Return lm-eval's record of the questions at some positions of a task, in their order."""
    name = task.config.task
    found = evaluator.evaluate(
        lm=model,
        task_dict={"tasks": {name: task}, "groups": {}},
        samples={name: list(places)},
        bootstrap_iters=0,
    )
    return sorted(found["samples"][name], key=lambda row: row["doc_id"])
