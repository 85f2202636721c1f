"""What is known of a notebook's last run, kept beside its outputs so that a killed run resumes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from locolab.files import results_dir, sha256, states_dir, write_atomic

STAMPED = "run.json"
"""The one file of a notebook's folder that holds a date, so it says nothing about whether outputs changed."""


@dataclasses.dataclass(frozen=True)
class State:
    """The last run of one notebook in one profile.

    `status` is ok, failed or blocked (a notebook it needs failed); `error` has cell, name, text and where.
    """

    status: str
    key: str = ""
    outputs: str = ""
    error: dict[str, Any] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    peak_bytes: int = 0


def executed_path(profile: str, name: str) -> Path:
    """Return where the executed copy of a notebook lies."""
    return results_dir(profile) / f"{name}.ipynb"


def output_dir(profile: str, name: str) -> Path:
    """Return the folder of the files that a notebook writes (claims, figures, tables)."""
    return results_dir(profile) / name


def load(profile: str, name: str) -> State | None:
    """Return the last state of a notebook, None if there is none that can be read."""
    try:
        return State(**json.loads(_path(profile, name).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def save(profile: str, name: str, state: State) -> None:
    """Write the state of a notebook atomically."""
    write_atomic(_path(profile, name), json.dumps(dataclasses.asdict(state), indent=1) + "\n")


def forget(profile: str, name: str) -> None:
    """Make a notebook count as never run; its outputs stay until it runs again."""
    _path(profile, name).unlink(missing_ok=True)


def clear(profile: str, name: str) -> None:
    """Remove what an earlier run of a notebook wrote, so that no outcome of old code survives."""
    shutil.rmtree(output_dir(profile, name), ignore_errors=True)


def is_current(profile: str, name: str, key: str) -> bool:
    """Return whether the last run succeeded under this key and its outputs are as it left them."""
    state = load(profile, name)
    if state is None or state.status != "ok" or state.key != key:
        return False
    return state.outputs == fingerprint(profile, name)


def fingerprint(profile: str, name: str) -> str:
    """Return a hash over the files of a notebook's run, its executed copy aside; empty if that is missing."""
    if not executed_path(profile, name).exists():
        return ""
    digest = hashlib.sha256()
    folder = output_dir(profile, name)
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != STAMPED):
        digest.update(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()[:16]


def _path(profile: str, name: str) -> Path:
    return states_dir(profile) / f"{name}.json"
