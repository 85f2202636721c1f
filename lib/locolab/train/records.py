"""`RoundRecord`: what is known about a round afterwards; no clocks, so that reruns give the same bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from locolab.config import canonical_json


@dataclasses.dataclass(frozen=True)
class RoundRecord:
    """One round of a swarm.

    Losses are in nats per token, None where nothing finite was measured. `live` are the peers of the round,
    ascending; `payload_bytes` and `payload_sha256` (of all that a peer's payloads in the bucket hold) go by
    them. Some of those `submitted` something, of which `selected` was applied; `refused` says why the rest
    was not. `joined` has the bytes that each peer fetched to have everybody's theta. `train_loss` is the mean
    over peers and steps, `update_norm` the L2 norm of theta's change, `tokens` and `sent_bytes` (of a peer
    that is always there, the mean over peers) run from the start. A method that exchanges at every step has
    `selected` and `refused` of any step. `nonfinite` counts chunks of the selected updates, `resets` inner
    optimisers that had to start again.
    """

    round: int
    tokens: int
    train_loss: float | None
    validation_loss: float | None
    bits_per_byte: float | None
    payload_bytes: list[int]
    payload_sha256: list[str]
    sent_bytes: float
    selected: list[int]
    refused: dict[int, str]
    kept_values: int
    update_norm: float | None
    nonfinite: int
    resets: int
    live: list[int] = dataclasses.field(default_factory=list)
    submitted: list[int] = dataclasses.field(default_factory=list)
    joined: dict[int, int] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """Return the record as one line of canonical JSON."""
        return canonical_json(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> RoundRecord:
        """Return the record of one line; raises TypeError or ValueError if it is not one."""
        values: dict[str, Any] = json.loads(line)
        for name in ("refused", "joined"):
            values[name] = {int(peer): value for peer, value in values.get(name, {}).items()}
        return cls(**values)


def to_lines(records: Iterable[RoundRecord]) -> str:
    """Return the records as the text of a .jsonl file."""
    return "".join(record.to_json() + "\n" for record in records)


def from_lines(text: str) -> list[RoundRecord]:
    """Return the records of a .jsonl file's text."""
    return [RoundRecord.from_json(line) for line in text.splitlines()]
