"""What a notebook's process looks like before its first result: offline, quiet, seeded, on a known device."""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from locolab.config import ConfigError
from locolab.provenance import processor

SWITCHES: Mapping[str, str] = MappingProxyType(
    {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_EVALUATE_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "WANDB_MODE": "disabled",
        "TOKENIZERS_PARALLELISM": "false",  # forks of a notebook would warn and then do this anyway
    }
)
"""Environment of every notebook and of the processes it starts: no network, no telemetry."""

BLAS_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
REQUIRED = {"notebook": str, "profile": str, "seed": int}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def parameters(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a notebook: the annotated literals of its namespace.

    `namespace` is the notebook's ``globals()``. Names that were never annotated count only where nothing is.
    Raises ConfigError if ``notebook``, ``profile`` or ``seed`` is missing or is no plain name or number.

    >>> parameters({"notebook": "03_x", "profile": "fast", "seed": 0, "np": np})
    {'notebook': '03_x', 'profile': 'fast', 'seed': 0}
    """
    names = [n for n in namespace.get("__annotations__", {}) if n in namespace] or list(namespace)
    found = {n: namespace[n] for n in names if not n.startswith("_") and _is_literal(namespace[n])}
    for name, kind in REQUIRED.items():
        if not isinstance(found.get(name), kind):
            raise ConfigError(
                f"the parameters cell needs `{name}: {kind.__name__} = ...` above start(globals()); "
                f"found {found.get(name)!r}"
            )
        if kind is str and not NAME.fullmatch(found[name]):
            raise ConfigError(f"`{name}` names a folder: letters, digits, _ and -; got {found[name]!r}")
    return found


def go_offline() -> None:
    """Switch network and telemetry off, here and for child processes, even if the libraries are loaded."""
    os.environ.update(SWITCHES)
    # These read the environment when they are imported, which a notebook may have done already.
    for module, name in (
        ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
        ("huggingface_hub.constants", "HF_HUB_DISABLE_TELEMETRY"),
        ("datasets.config", "HF_HUB_OFFLINE"),
        ("datasets.config", "HF_DATASETS_OFFLINE"),
    ):
        if module in sys.modules:
            setattr(sys.modules[module], name, True)


def seed_everything(seed: int, threads: int = 1) -> None:
    """Seed Python, numpy and torch and fix the number of threads of torch and of child processes."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    os.environ.update(dict.fromkeys(BLAS_THREADS, str(threads)))


def device(threads: int = 1) -> str:
    """Return the device results are computed on, and whether there is a GPU that they do not use."""
    gpu = f"{torch.cuda.get_device_name(0)} is not used" if torch.cuda.is_available() else "torch sees no GPU"
    return f"cpu ({processor()}, {threads} thread{'s' * (threads > 1)}): {gpu}"


def _is_literal(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_literal(item) for item in value)
    if isinstance(value, dict):
        return all(_is_literal(item) for pair in value.items() for item in pair)
    return value is None or type(value) in (str, int, float, bool)
