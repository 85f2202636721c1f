"""A block in which lm-eval and its libraries neither speak nor look for the network."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}


@contextlib.contextmanager
def quiet(folder: Path | None = None, offline: bool = True) -> Iterator[None]:
    """Silence logs, warnings and progress bars inside the block; errors pass.

    `folder` is the current folder inside, and where the library `datasets` keeps its files. Everything is
    put back at the end.
    """
    import datasets
    import huggingface_hub
    from transformers.utils import logging as transformers_logging

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, OFFLINE if offline else {}))
        stack.enter_context(mock.patch.object(huggingface_hub.constants, "HF_HUB_OFFLINE", offline))
        stack.enter_context(mock.patch.object(datasets.config, "HF_HUB_OFFLINE", offline))
        if folder:
            stack.enter_context(mock.patch.object(datasets.config, "HF_DATASETS_CACHE", folder / "datasets"))
            stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.ERROR)
        if transformers_logging.is_progress_bar_enabled():
            stack.callback(transformers_logging.enable_progress_bar)
            transformers_logging.disable_progress_bar()
        yield
