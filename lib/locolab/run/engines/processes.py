"""Peers as bare processes of this machine, each ``python -m locolab peer``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from locolab.report.session import BLAS_THREADS, SWITCHES

READY = b"ready\n"
"""What a supervised peer says when only its start is missing."""


class Processes:
    """One process a peer: its memory, its state in `folder`, its words in ``folder/peer-0001.log``.

    `url` names the bucket; credentials come from the environment. `environments` adds variables for some
    peers, such as another way to the bucket. They end with the process that started them, even if it is
    killed.
    """

    def __init__(
        self, url: str, folder: Path, environments: Mapping[int, Mapping[str, str]] | None = None
    ) -> None:
        self.url = url
        self.folder = folder
        self._environments = environments or {}
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._prepared: dict[int, list[subprocess.Popen[bytes]]] = {}
        self._launched: dict[int, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def prepare(self, index: int) -> None:
        """Start the process of a peer, but let it wait for `start_peer`: then it is there at once."""
        command = [sys.executable, "-m", "locolab", "peer", "--bucket", self.url, "--index", str(index)]
        command += ["--folder", str(self.folder), "--supervised"]
        environment = {**os.environ, **SWITCHES, **dict.fromkeys(BLAS_THREADS, "1")}
        environment |= self._environments.get(index, {})
        with self._log(index).open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )
        self._prepared.setdefault(index, []).append(process)
        self._launched[index] = self._launched.get(index, 0) + 1

    def settle(self, seconds: float = 120.0) -> None:
        """Wait until all processes have started; raises TimeoutError, naming those that have not."""
        end, waiting = time.monotonic() + seconds, dict(self._launched)
        while waiting:
            waiting = {i: n for i, n in waiting.items() if self._log(i).read_bytes().count(READY) < n}
            if waiting and time.monotonic() > end:
                raise TimeoutError(f"peers {sorted(waiting)} did not start; see the logs in {self.folder}")
            time.sleep(0.05)

    def start_peer(self, index: int) -> None:
        """Let a peer take part; one that was not prepared needs a few seconds until it can."""
        if not self._prepared.get(index):
            self.prepare(index)
        process = self._running[index] = self._prepared[index].pop(0)
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.flush()

    def poll(self, seconds: float) -> set[int]:
        """Wait and return the peers whose processes live."""
        time.sleep(seconds)
        running = list(self._running.items())  # a copy: another thread may stop one
        return {index for index, process in running if process.poll() is None}

    def stop(self, index: int | None = None) -> None:
        """Kill one process, or all, and wait for their end."""
        ending = [
            self._running.pop(each, None) for each in (list(self._running) if index is None else [index])
        ]
        if index is None:
            ending += [process for processes in self._prepared.values() for process in processes]
            self._prepared.clear()
        for process in filter(None, ending):
            process.kill()
            process.communicate()

    def resources(self) -> str:
        """Return in words where the peers run."""
        return f"{len(self._running)} processes of this machine, which has {os.cpu_count()} cores"

    def _log(self, index: int) -> Path:
        return self.folder / f"peer-{index:04d}.log"
