"""Recorded experiments: a tidy table and a card that says what made it, tracked in data/recorded."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from locolab.files import atomic_path, data_dir, sha256
from locolab.report.saving import write_json


class MissingRecording(FileNotFoundError):  # noqa: N818  read aloud in a traceback
    """An experiment has not been recorded on this machine; the message says how to record it."""


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A recorded experiment: its table, and its card (command, commit, device, versions, date, sha256)."""

    name: str
    frame: pd.DataFrame
    card: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The line shown wherever the recording is drawn: these figures were not measured just now."""
        made = (f"{self.card[key]}" for key in ("date", "device", "commit") if key in self.card)
        return (
            f"recorded: {self.name} ({', '.join(made)}; `{self.card.get('command', '-')}`), not measured now"
        )


def load(name: str, folder: Path | None = None) -> Recorded:
    """Return a recorded experiment from data/recorded (or `folder`).

    Raises MissingRecording where it was never recorded, ValueError where table and card do not fit together.
    """
    table, card = _paths(name, folder)
    if not (table.exists() and card.exists()):
        raise MissingRecording(
            f"experiment {name!r} is not recorded here; record it with\n"
            f"    python -m locolab record {name} --max-minutes 60\n"
            "(it can be stopped and continued)"
        )
    facts = json.loads(card.read_text(encoding="utf-8"))
    if facts["sha256"] != sha256(table):
        raise ValueError(
            f"{table} is not the table its card describes; restore both from git or record again"
        )
    return Recorded(name, pd.read_parquet(table), facts)


def save(
    name: str, frame: pd.DataFrame, provenance: Mapping[str, Any], folder: Path | None = None
) -> Recorded:
    """Return the experiment as saved: NAME.parquet and NAME.json, the same bytes for the same table and card.

    `provenance` is that of `locolab.provenance.stamp`. Raises ValueError for an empty table.
    """
    if frame.empty:
        raise ValueError(f"experiment {name!r} has no rows; nothing was saved")
    table, card = _paths(name, folder)
    with atomic_path(table) as temporary:
        frame.reset_index(drop=True).to_parquet(temporary, index=False, compression="zstd")
    facts = {
        "name": name,
        "rows": len(frame),
        "columns": list(map(str, frame.columns)),
        "sha256": sha256(table),
    }
    write_json(card, {**provenance, **facts})
    return load(name, folder)


def _paths(name: str, folder: Path | None) -> tuple[Path, Path]:
    base = (folder or data_dir() / "recorded") / name
    return base.with_suffix(".parquet"), base.with_suffix(".json")
