"""MMLU as a folder that lm-eval's unmodified tasks load without the network."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from filelock import FileLock

from locolab.corpus import mmlu
from locolab.corpus.mmlu import LETTERS, Question
from locolab.evaluate.suites import questions_of
from locolab.files import cache_dir, write_atomic

DEV_GAPS = {"college_chemistry": 3, "formal_logic": 4, "human_aging": 4}
"""Subjects with fewer than five examples to show: lm-eval 0.4.13 ships 281 of MMLU's 285 in this form."""

_OPTIONS = re.compile(
    r"(.*?)\s*" + r"\s*".join(rf"\({letter}\)\s?(.*?)" for letter in LETTERS) + r"\s*", re.S
)
_ANSWER = re.compile(r"[Tt]he answer is \(([A-D])\)")


def mmlu_folder() -> Path:
    """Return a folder that holds ``cais/mmlu`` with splits test and dev, made once and then reused.

    A process whose current folder it is loads the data set "cais/mmlu" from there. Raises MissingPackage
    or MalformedQuestions if the questions cannot be read.
    """
    version = importlib.metadata.version("lm_eval")
    folder = cache_dir() / "evaluate" / f"mmlu-{mmlu.FILE_SHA256[:12]}-lm-eval-{version}"
    if not (folder / "cais/mmlu/README.md").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock")):
            if not (folder / "cais/mmlu/README.md").is_file():
                _lay_out(folder)
    return folder


def dev_examples() -> dict[str, list[Question]]:
    """Return the examples to show before a question, by subject, from lm-eval's own files.

    Those files hold them with worked answers for other tasks (``flan_cot_fewshot``); stem, options and
    letter are read. `DEV_GAPS` names the subjects with fewer than five.
    """
    found = {}
    for subject in questions_of("mmlu"):
        path = _lm_eval_folder() / f"tasks/mmlu/flan_cot_fewshot/mmlu_{subject}.yaml"
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        parsed = (_example(subject, sample) for sample in content["fewshot_config"]["samples"])
        found[subject] = [example for example in parsed if example]
    return found


def _example(subject: str, sample: dict[str, str]) -> Question | None:
    """Return an example, None for the one whose answer is a fifth option."""
    options, answer = _OPTIONS.fullmatch(sample["question"]), _ANSWER.search(sample["target"])
    if options is None or answer is None:
        return None
    question, *choices = options.groups()
    return Question(subject, question, tuple(choices), LETTERS.index(answer[1]))


def _lm_eval_folder() -> Path:
    found = importlib.metadata.distribution("lm_eval").locate_file("lm_eval")
    return Path(str(found))


def _lay_out(folder: Path) -> None:
    """Write under a temporary name, the table of contents last, and rename."""
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        dev, configs = dev_examples(), []
        for subject, questions in questions_of("mmlu").items():
            for split, rows in (("test", questions), ("dev", dev[subject])):
                _write(temporary / f"cais/mmlu/{subject}/{split}-00000-of-00001.parquet", rows)
            files = [{"split": s, "path": f"{subject}/{s}-00000-of-00001.parquet"} for s in ("test", "dev")]
            configs.append({"config_name": subject, "data_files": files})
        write_atomic(
            temporary / "cais/mmlu/README.md",
            f"---\n{yaml.safe_dump({'configs': configs})}---\n{mmlu.WORDING}\n",
        )
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(path: Path, questions: Sequence[Question]) -> None:
    rows: list[dict[str, Any]] = [
        {"question": q.question, "subject": q.subject, "choices": list(q.choices), "answer": q.answer}
        for q in questions
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path, index=False)
