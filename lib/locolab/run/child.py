"""The process that executes one notebook: papermill and nothing else, so that a crash or a limit stays in it.

``python -m locolab.run.child`` reads one job (JSON: source, output, parameters) from its standard input,
which then stays open: when it closes, the runner is gone, and the child ends its kernel and itself.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading

import papermill
import psutil
from papermill.exceptions import PapermillExecutionError

from locolab.run.notebooks import KERNEL


def main() -> int:
    """Return 0 if every cell of the job's notebook ran, 1 if one failed (the output says which)."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_runner, daemon=True).start()
    try:
        papermill.execute_notebook(
            job["source"],
            job["output"],
            job["parameters"],
            kernel_name=KERNEL,
            progress_bar=False,
            cwd=os.path.dirname(job["source"]),  # noqa: PTH120  (papermill takes a string)
        )
    except PapermillExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _end_with_runner() -> None:
    while os.read(0, 4096):
        pass
    for process in psutil.Process().children(recursive=True):
        process.kill()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
