"""Where things lie, and how a file is written so that a killed process loses nothing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: ``lib/`` is a source root, installed with ``pip install -e .``"""


class DiskFullError(OSError):
    """The disk filled up while a file was being written; the old file is untouched."""


def data_dir() -> Path:
    """Return the tracked ``data/`` folder."""
    return ROOT / "data"


def packages_dir() -> Path:
    """Return the folder of unpacked data packages (``LOCOLAB_PACKAGES`` redirects it)."""
    return Path(os.environ.get("LOCOLAB_PACKAGES", data_dir() / "packages"))


def results_dir(profile: str | None = None) -> Path:
    """Return ``results/`` or ``results/<profile>`` (``LOCOLAB_RESULTS`` redirects it)."""
    base = Path(os.environ.get("LOCOLAB_RESULTS", ROOT / "results"))
    return base / profile if profile else base


def states_dir(profile: str) -> Path:
    """Return the folder where the runner keeps how each notebook's last run ended, as NOTEBOOK.json."""
    return results_dir(profile) / ".state"


def cache_dir() -> Path:
    """Return the folder of cached runs and tokenized texts (``LOCOLAB_CACHE`` redirects it)."""
    return Path(os.environ.get("LOCOLAB_CACHE", results_dir() / "cache"))


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; rename it onto `path` only if the block succeeds.

    Raises DiskFullError, naming the folder, when there is no room; `path` keeps its old content.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                error.errno,
                f"no space left to write {path.name}; free some space in {path.parent} "
                "and start again: nothing that was complete is lost",
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` through a temporary name, so readers see all of it or none."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
