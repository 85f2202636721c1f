"""Whether a run can start at all: a kernel, room on the disk, the data packages, nobody else running."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import filelock
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from locolab.files import DiskFullError, results_dir, states_dir
from locolab.run.errors import SetupError
from locolab.run.keys import modules_used
from locolab.run.notebooks import KERNEL, Notebook

FREE_BYTES = 500 * 2**20
"""Below this a fast run may not finish: notebooks, checkpoints and tokenized text need about half of it."""


def check(notebooks: Sequence[Notebook], profile: str) -> None:
    """Raise SetupError, DiskFullError or MissingPackage if these notebooks cannot be run here."""
    _kernel()
    _disk(results_dir(profile))
    if any("locolab.corpus" in modules_used(notebook.code) for notebook in notebooks):
        check_packages()


@contextlib.contextmanager
def only_runner(profile: str) -> Iterator[None]:
    """Hold the profile's lock; SetupError if another run of the same profile has it."""
    folder = states_dir(profile)
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / "lock")
    try:
        with lock.acquire(timeout=0):
            yield
    except filelock.Timeout:
        raise SetupError(
            f"another run of profile {profile} is going on in {folder.parent}; wait for its end"
        ) from None


def _kernel() -> None:
    try:
        KernelSpecManager().get_kernel_spec(KERNEL)
    except NoSuchKernel:
        raise SetupError(
            f"no Jupyter kernel {KERNEL!r} in this environment; run ./run_all.sh setup"
        ) from None


def _disk(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise DiskFullError(
            f"{free / 2**20:.0f} MiB are free for {folder}, a run wants {FREE_BYTES / 2**20:.0f} MiB; "
            "free some space, or set LOCOLAB_RESULTS to a folder on another disk"
        )


def check_packages() -> None:
    """Raise MissingPackage, which says what to run, if a pinned data package is not unpacked."""
    from locolab.corpus import packages

    for name in packages.pins():
        packages.find(name)
