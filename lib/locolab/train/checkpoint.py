"""Checkpoints: folders that appear complete or not at all, the newest two of them kept."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from locolab.config import canonical_json
from locolab.files import sha256, write_atomic
from locolab.train.records import RoundRecord, from_lines, to_lines

KEPT = 2
"""Complete checkpoints on disk: if the newest turns out to be damaged, the one before still serves."""

_MANIFEST = "manifest.json"
_RECORDS = "records.jsonl"
_log = logging.getLogger("locolab.train")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a swarm after some rounds, and the records of these rounds."""

    state: dict[str, dict[str, Tensor]]
    records: list[RoundRecord]


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Return the new checkpoint's folder, ``folder/after-000010`` for ten rounds; older ones than `KEPT` go.

    Until the rename at the end readers see the previous one. Raises DiskFullError and leaves that in place.
    """
    target = folder / f"after-{len(checkpoint.records):06d}"
    with _atomic_folder(target) as temporary:
        names = [_write_group(temporary, *group) for group in checkpoint.state.items()]
        write_atomic(temporary / _RECORDS, to_lines(checkpoint.records))
        sums = {name: sha256(temporary / name) for name in [*names, _RECORDS]}
        write_atomic(temporary / _MANIFEST, canonical_json(sums))
    for old in _complete(folder)[KEPT:]:
        shutil.rmtree(old)
    return target


def load_latest(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint whose checksums hold, None if there is none.

    Damaged ones are removed with a notice in the log, as is what a killed process left half-written.
    """
    for leftover in folder.glob(".*.tmp"):
        shutil.rmtree(leftover)
    for path in _complete(folder):
        try:
            return _read(path)
        except (OSError, ValueError, TypeError, KeyError, safetensors.SafetensorError) as error:
            _log.warning("checkpoint %s is damaged (%s); going back to the one before", path, error)
            shutil.rmtree(path)
    return None


def _read(path: Path) -> Checkpoint:
    sums = json.loads((path / _MANIFEST).read_text())
    if not isinstance(sums, dict) or _RECORDS not in sums:
        raise ValueError("the manifest does not name the records")
    for name, digest in sums.items():
        if sha256(path / name) != digest:
            raise ValueError(f"{name} has another checksum than the manifest says")
    groups = [name for name in sums if name != _RECORDS]
    state = {Path(name).stem: safetensors.torch.load_file(path / name) for name in groups}
    return Checkpoint(state, from_lines((path / _RECORDS).read_text()))


def _write_group(folder: Path, name: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the name of the file that now holds a group of tensors."""
    # bytes through write_atomic, not save_file: a full disk is then reported as DiskFullError
    write_atomic(folder / f"{name}.safetensors", safetensors.torch.save(dict(tensors)))
    return f"{name}.safetensors"


def _complete(folder: Path) -> list[Path]:
    """Return the checkpoints under their final names, newest first."""
    return sorted(folder.glob("after-*"), reverse=True)


@contextlib.contextmanager
def _atomic_folder(target: Path) -> Iterator[Path]:
    """Yield an empty temporary sibling folder; it becomes `target` only if the block succeeds."""
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
