"""Peers as Ray's actors, one each, on this machine or on whatever cluster ``RAY_ADDRESS`` names.

Ray places, watches and ends them; payloads never pass through it. It is imported here alone.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import ray

from locolab.report.session import BLAS_THREADS, SWITCHES
from locolab.run.engines import bare


class _Host:
    """What runs inside an actor."""

    def process(self) -> int:
        """Return the number of the actor's process."""
        return os.getpid()

    def run(self, url: str, index: int, folder: Path) -> int:
        """Take part until the run is finished."""
        return bare.take_part(url, index, folder)


class RayActors:
    """One actor a peer, its state in `folder`, which on a cluster has to be a shared one.

    Every actor reserves `num_cpus` and `num_gpus`, whole or in part (0.25: four share one). Credentials are
    not handed on: every node's environment holds its own.
    """

    def __init__(self, url: str, folder: Path, num_cpus: float = 1, num_gpus: float = 0) -> None:
        self._url = url
        self._folder = folder
        self._reserved = {"num_cpus": num_cpus, "num_gpus": num_gpus}
        self._actors: dict[int, Any] = {}
        self._runs: dict[int, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if not ray.is_initialized():
            _connect()

    def start_peer(self, index: int) -> None:
        """Place an actor; it needs a few seconds until it can take part."""
        host = ray.remote(max_restarts=0, **self._reserved)(_Host)
        self._actors[index] = host.remote()
        self._runs[index] = self._actors[index].run.remote(self._url, index, self._folder)

    def poll(self, seconds: float) -> set[int]:
        """Wait and return the peers whose actors are at work."""
        time.sleep(seconds)
        runs = list(self._runs.values())
        _, at_work = ray.wait(runs, num_returns=len(runs), timeout=0) if runs else ([], [])
        return {index for index, run in self._runs.items() if run in at_work}

    def stop(self, index: int | None = None) -> None:
        """Kill one actor, or all and Ray with them."""
        for each in [index] if index is not None else list(self._actors):
            self._runs.pop(each, None)
            if actor := self._actors.pop(each, None):
                ray.kill(actor, no_restart=True)
        if index is None:
            ray.shutdown()

    def resources(self) -> str:
        """Return in words where the peers run."""
        total = ray.cluster_resources()
        cpus, gpus = (f"{total.get(name, 0):g} {name}" for name in ("CPU", "GPU"))
        return f"{len(self._actors)} actors on {len(ray.nodes())} nodes with {cpus} and {gpus}"


def _connect() -> None:
    """Join the cluster of ``RAY_ADDRESS``; without one start Ray on this machine, with few processes."""
    os.environ.update({**SWITCHES, **dict.fromkeys(BLAS_THREADS, "1")})
    os.environ.setdefault(
        "RAY_raylet_start_wait_time_s", "120"
    )  # its default, 30, is short on a busy machine
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
        return
    cores = max(4, os.cpu_count() or 1)  # they mostly wait; Ray would queue actors beyond the cores it knows
    ray.init(
        **quiet,
        num_cpus=cores,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        _node_ip_address="127.0.0.1",
    )
