"""One notebook executed in a process of its own: its wall time, peak memory, time limit and error."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import nbformat
import psutil

from locolab.files import states_dir, write_atomic
from locolab.run import outputs, state
from locolab.run.notebooks import Notebook

SAMPLE_SECONDS = 0.25
_stop = threading.Event()


@dataclasses.dataclass(frozen=True)
class Execution:
    """What one execution gave: an empty `error` means that every cell ran."""

    error: dict[str, Any]
    seconds: float
    peak_bytes: int


def execute(
    notebook: Notebook,
    profile: str,
    parameters: Mapping[str, Any],
    limit_seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Execution:
    """Return how the execution went; the executed copy is complete at its place, or as far as it came.

    The notebook runs under papermill in a child process, in its own folder, with `environment` added to ours.
    At the limit (seconds of wall time) the child and everything it started is killed. The peak is the largest
    sum of resident memory over the process tree, sampled every `SAMPLE_SECONDS`.
    """
    folder = states_dir(profile)
    working, log = folder / f"{notebook.name}.ipynb", folder / f"{notebook.name}.log"
    folder.mkdir(parents=True, exist_ok=True)
    working.unlink(missing_ok=True)
    job = {"source": str(notebook.path), "output": str(working), "parameters": dict(parameters)}
    began = time.monotonic()
    with log.open("wb") as stream, _started(job, stream, environment or {}) as process:
        tree = _Tree(process.pid)
        try:
            reason = _watch(process, tree, began + limit_seconds)
        finally:
            tree.kill()
            process.wait()
    seconds = time.monotonic() - began
    if reason == "stopped":
        raise KeyboardInterrupt
    error = _collect(working, notebook, profile)
    if reason == "limit":
        error["name"] = "TimeLimit"
        error["text"] = f"stopped after {limit_seconds:.0f} s, the notebook's limit for profile {profile}"
    elif process.returncode and not error["name"]:
        error["name"], error["text"] = outputs.last_words(log.read_text(errors="replace"), process.returncode)
        error["where"] = f"its log is {log}"
    working.unlink(missing_ok=True)
    return Execution(error if process.returncode else {}, seconds, tree.peak_bytes)


def stop_all() -> None:
    """Make every execution that is going on in this process kill its child and end."""
    _stop.set()


class _Tree:
    """A process and all it started, remembered so that none outlives it."""

    def __init__(self, pid: int) -> None:
        self.root = psutil.Process(pid)
        self.known: set[psutil.Process] = {self.root}
        self.peak_bytes = 0

    def sample(self) -> None:
        with contextlib.suppress(psutil.Error):
            self.known |= set(self.root.children(recursive=True))
        total = 0
        for process in self.known:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        self.peak_bytes = max(self.peak_bytes, total)

    def kill(self) -> None:
        self.sample()
        for process in self.known:
            with contextlib.suppress(psutil.Error):
                process.kill()  # psutil checks that the id still means the same process


def _watch(process: subprocess.Popen[bytes], tree: _Tree, deadline: float) -> str:
    """Wait for the child's end; return why we stopped waiting: done, limit or stopped."""
    while True:
        tree.sample()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SAMPLE_SECONDS)
            return "done"
        if _stop.is_set():
            return "stopped"
        if time.monotonic() > deadline:
            return "limit"


@contextlib.contextmanager
def _started(
    job: Mapping[str, Any], log: BinaryIO, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the child on a job; its standard input stays open until the end, and closes if we die."""
    variables = {
        **os.environ,
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not one of the user's home
        "IPYTHONDIR": str(Path(job["output"]).parent / "ipython"),  # no start-up files, no shared history
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **environment,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "locolab.run.child"],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=Path(job["source"]).parent,
        env=variables,
        start_new_session=True,  # Ctrl-C reaches the runner, which ends the child in order
    )
    assert process.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
        yield process
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _collect(working: Path, notebook: Notebook, profile: str) -> dict[str, Any]:
    """Move the child's output to its place, tidied; return what it says about an error."""
    try:
        content = nbformat.read(working, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return {"cell": "", "name": "", "text": "", "where": ""}
    error = outputs.error_of(content)
    outputs.tidy(content)
    write_atomic(state.executed_path(profile, notebook.name), nbformat.writes(content) + "\n")
    return error
