"""Peers as bare processes of this machine, each ``python -m locolab peer``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from locolab.report.session import BLAS_THREADS, SWITCHES


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
        folder.mkdir(parents=True, exist_ok=True)

    def start_peer(self, index: int) -> None:
        """Start the process of a peer; it needs a few seconds until it can take part."""
        command = [sys.executable, "-m", "locolab", "peer", "--bucket", self.url, "--index", str(index)]
        command += ["--folder", str(self.folder), "--supervised"]
        environment = {**os.environ, **SWITCHES, **dict.fromkeys(BLAS_THREADS, "1")}
        environment |= self._environments.get(index, {})
        with (self.folder / f"peer-{index:04d}.log").open("ab") as log:
            self._running[index] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )

    def poll(self, seconds: float) -> set[int]:
        """Wait and return the peers whose processes live."""
        time.sleep(seconds)
        return {index for index, process in self._running.items() if process.poll() is None}

    def stop(self, index: int | None = None) -> None:
        """Kill one process, or all, and wait for their end."""
        for each in [index] if index is not None else list(self._running):
            if process := self._running.pop(each, None):
                process.kill()
                process.communicate()

    def resources(self) -> str:
        """Return in words where the peers run."""
        return f"{len(self._running)} processes of this machine, which has {os.cpu_count()} cores"
