"""The command ``evaluate``: a saved model, a cached run or the control, on suites of questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from locolab import corpus, evaluate
from locolab.compress import CompressionSpec
from locolab.config import ConfigError
from locolab.corpus import CorpusSpec, pretrained
from locolab.evaluate.quiet import quiet
from locolab.evaluate.suites import suite
from locolab.files import write_atomic
from locolab.run.table import console
from locolab.train import RunResult, TrainSpec

CONTROL = "control"


def command(
    model: str,
    tasks: Sequence[str],
    limit: int | None,
    n_shot: int,
    json_path: Path | None,
    batch_size: int,
    from_hub: bool = False,
) -> int:
    """Return 0 after evaluating `model` on the suites and printing their tables.

    `json_path` receives the list of result cards. Raises ConfigError for an unknown suite or a folder that
    holds no model, before anything is scored.
    """
    for name in tasks:
        suite(name)
    loaded, tokenizer, label = load(model)
    cards = []
    for name in tasks:
        found = evaluate.evaluate(
            loaded, tokenizer, name,
            label=label, limit=limit, n_shot=n_shot, batch_size=batch_size, from_hub=from_hub,
        )  # fmt: skip
        _print(found)
        cards.append(found.card())
        if json_path:
            write_atomic(json_path, json.dumps(cards, indent=1, allow_nan=False) + "\n")
    return 0


def load(model: str) -> tuple[torch.nn.Module, Any, str]:
    """Return (model, tokenizer, label) of ``control``, of a cached run's folder or of a saved model's.

    A cached run is named by its ``spec.json``, a saved model (transformers' ``save_pretrained``, with its
    tokenizer) by its ``config.json``. Raises ConfigError for anything else, saying what is missing.
    """
    if model == CONTROL:
        return *evaluate.load_control(), evaluate.CONTROL_NAME
    folder = Path(model).expanduser()
    if (folder / "spec.json").is_file():
        return _cached_run(folder)
    if not (folder / "config.json").is_file():
        raise ConfigError(
            f"{folder} holds neither a cached run (spec.json) nor a saved model (config.json); "
            f"name such a folder, or {CONTROL!r}"
        )
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet():
            found = AutoModelForCausalLM.from_pretrained(folder).eval()
            return found, AutoTokenizer.from_pretrained(folder), folder.name
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder} cannot be read as a saved model with its tokenizer: {error}") from error


def _cached_run(folder: Path) -> tuple[torch.nn.Module, Any, str]:
    try:
        fields = json.loads((folder / "spec.json").read_text())
        fields["corpus"] = CorpusSpec.from_parameters(fields["corpus"])
        if fields["compression"]:
            fields["compression"] = CompressionSpec.from_parameters(fields["compression"])
        spec = TrainSpec.from_parameters(fields)
        model = RunResult(spec, folder).load_model()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder} is not a complete cached run: {error}") from error
    given = spec.corpus.tokenizer
    tokenizer = pretrained.known(given).tokenizer() if given else corpus.load(spec.corpus).tokenizer
    return model, tokenizer, f"{spec.method} seed {spec.seed}"


def _print(found: evaluate.Evaluation) -> None:
    card = found.card()
    table = Table("subject", *(["split"] if "split" in card["subjects"][0] else []), "n", *card["metrics"])
    for row in card["subjects"]:
        scores = [_score(row[metric], row[f"{metric}_stderr"]) for metric in card["metrics"]]
        table.add_row(row["subject"], *([row["split"]] if "split" in row else []), str(row["n"]), *scores)
    shown = console()
    shown.print(table)
    for metric, score in card["metrics"].items():
        words = (
            f"{found.model}, {found.suite}, {card['form']} form, {card['n_shot']} examples shown, {metric}: "
        )
        shown.print(words + f"{_score(score['value'], score['stderr'])}, {card['sample']}", highlight=False)
    cut = card["truncation"]
    shown.print(
        f"too long for a context of {cut['context']} tokens: {cut['too_long']:,} of {cut['requests']:,} "
        f"requests, the longest {cut['longest']:,} tokens; {cut['how']}",
        highlight=False,
    )
    shown.print(f"{card['wording']}. {card['scope']}", highlight=False)


def _score(value: float, stderr: float | None) -> str:
    return f"{value:.3f}" + (f" ± {stderr:.3f}" if stderr else "")
