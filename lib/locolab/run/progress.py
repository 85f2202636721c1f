"""What a run says while it goes: one line per notebook, and a block for one that failed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from locolab.run import state


def duration(seconds: float) -> str:
    """Return a wall time for people.

    >>> duration(72.4), duration(3.21)
    ('1 min 12 s', '3.2 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def size(n_bytes: float) -> str:
    """Return a number of bytes in binary units.

    >>> size(3 * 2**20)
    '3 MiB'
    """
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"


def failure_block(name: str, error: Mapping[str, Any], copy: Path) -> str:
    """Return which notebook failed, in which cell, with which error, and where to look, indented."""
    details = [f"{error['name']}: {error['text']}", error["where"]]
    details += [f"the traceback is in {copy}"] if copy.exists() else []
    indented = [" " * 6 + line for text in details for line in text.splitlines()]
    return "\n".join([f"    {name} failed in cell [{error['cell'] or '?'}]", *indented])


class NotebookReporter:
    """A doit reporter: one line when a notebook is done, with how many are and about how long the rest takes.

    Tasks without `meta` (the results at the end) print for themselves.
    """

    desc = "one line per notebook"

    def __init__(self, outstream: TextIO, options: Mapping[str, Any], jobs: int = 1) -> None:
        self.stream = outstream
        self.jobs = jobs
        self.waiting: dict[str, float] = {}
        self.running: dict[str, float] = {}
        self.total = 0
        self.began = time.monotonic()

    def initialize(self, tasks: Mapping[str, Any], selected: list[str]) -> None:
        """Note the expected seconds of every notebook that the selected tasks lead to."""
        names, queue = set(), list(selected)
        while queue:
            name = queue.pop()
            if name not in names:
                names.add(name)
                queue.extend(tasks[name].task_dep)
        self.waiting = {name: tasks[name].meta["expected"] for name in names if tasks[name].meta}
        self.total = len(self.waiting)
        most = duration(sum(self.waiting.values()) / self.jobs)
        self.stream.write(f"{self.total} notebooks, about {most} if all of them have to run\n")

    def execute_task(self, task: Any) -> None:
        """Note the start; on a terminal, show what is running until the next line replaces it."""
        if not task.meta:
            return
        self.running[task.name] = time.monotonic()
        if self.stream.isatty():
            names = ", ".join(name.split(":")[1] for name in self.running)
            self.stream.write(f"\r\x1b[K  ... {names} (about {duration(self.waiting[task.name])})")
            self.stream.flush()

    def add_success(self, task: Any) -> None:
        """Print the line of a notebook that was executed, failed or not."""
        if not task.meta:
            return
        name, profile = task.meta["notebook"], task.meta["profile"]
        known = state.load(profile, name)
        if known is None:
            return
        words = {"ok": "ok", "failed": "FAILED", "blocked": "not run"}[known.status]
        if known.status == "blocked":
            self._line(task, words, known.error["text"])
            return
        self._line(task, words, f"{duration(known.seconds):>11}   peak {size(known.peak_bytes):>8}")
        if known.status == "failed":
            block = failure_block(name, known.error, state.executed_path(profile, name))
            self.stream.write(block + "\n")

    def skip_uptodate(self, task: Any) -> None:
        """Print the line of a notebook with nothing to do."""
        if task.meta:
            self._line(task, "up to date", "")

    def add_failure(self, task: Any, fail: Any) -> None:
        """Print an error of the runner itself; the results task fails on purpose when a notebook did."""
        if type(fail).__name__ not in ("TaskFailed", "UnmetDependency"):
            text = "".join(fail.traceback) or fail.message
            self.stream.write(f"{task.name}: {text.strip().splitlines()[-1]}\n")

    def runtime_error(self, message: str) -> None:
        """Print a message of doit."""
        self.stream.write(message + "\n")

    def _line(self, task: Any, word: str, detail: str) -> None:
        self.waiting.pop(task.name, None)
        began = self.running.pop(task.name, None)
        done = self.total - len(self.waiting)
        line = f"[{done:>2}/{self.total}] {task.meta['notebook']:<32} {word:<11}{detail}"
        if began is not None:
            line += f"   elapsed {duration(time.monotonic() - self.began)}{self._rest()}"
        clear = "\r\x1b[K" if self.stream.isatty() else ""
        self.stream.write(clear + line.rstrip() + "\n")
        self.stream.flush()

    def _rest(self) -> str:
        """Return about how long the rest takes, from earlier runs or the authors' estimates."""
        if not self.waiting:
            return ""
        now = time.monotonic()
        spent = sum(min(now - start, self.waiting[name]) for name, start in self.running.items())
        rest = (sum(self.waiting.values()) - spent) / self.jobs
        return f"   about {duration(rest)} left" if rest >= 1 else "   nearly done"

    def _nothing(self, *_arguments: Any) -> None:
        """Hear a doit event that says nothing new to a reader."""

    get_status = skip_ignore = cleanup_error = teardown_task = complete_run = _nothing
