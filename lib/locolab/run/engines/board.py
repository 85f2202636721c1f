"""What a bucket holds beside payloads: the run, shared states, who was selected, what peers report."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import safetensors.torch
from torch import Tensor

from locolab import corpus, provenance
from locolab.compress import CompressionSpec
from locolab.config import ConfigError, canonical_json
from locolab.corpus import CorpusSpec
from locolab.network import Bucket, KeyTaken, key_of, round_prefix
from locolab.network.timeline import Span
from locolab.train import RoundRecord, TrainSpec
from locolab.train.runs import ROOMS

RUN = "run"
STATES = "state"
_MEMORIES, _PROBES = "validator", "probes-wanted"


@dataclasses.dataclass(frozen=True)
class Report:
    """What a peer says of itself with a payload.

    `losses` in nats per token; `resets`: how often its moments had to start again; `spans`: its phases since
    its last report, in seconds of its machine's clock.
    """

    losses: list[float]
    tokens: int
    resets: int
    spans: list[Span]


class Board:
    """The keys of a run that everybody reads: written once each, by one writer.

    ``run`` the specification, ``probes-wanted`` that the validator asks for probes, ``state/after-000010``
    theta and the outer optimiser after ten rounds, ``validator/after-000010`` what the validator remembers,
    ``round-000010/selected`` whose payloads were applied, ``round-000010/record`` what is known of it,
    ``round-000010/report-0003`` what peer 3 says, and ``round-000010/joining-0003`` that it should be waited
    for, though it has sent nothing in the round before.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def announce(self, spec: TrainSpec) -> None:
        """Write what the run is; raises ConfigError if the bucket holds another one."""
        if spec.exchanges > 1:
            raise ConfigError(
                f"method {spec.method!r} exchanges at every inner step; through a bucket peers exchange once "
                "a round: train it in process, with locolab.train.run"
            )
        if not self._put(RUN, _text(spec)) and self.bucket.get(RUN) != _text(spec):
            raise ConfigError(f"{self.bucket.url} holds another run; give this one a place of its own")

    def spec(self) -> TrainSpec:
        """Return the run; raises KeyError before it is announced, ConfigError for another code or text."""
        said = json.loads(self.bucket.get(RUN))
        spec = _spec(said["spec"])
        for what, ours in _facts(spec).items():
            if said["facts"][what] != ours:
                raise ConfigError(
                    f"the run in {self.bucket.url} was started with another {what} than this machine has: "
                    "install the same version of locolab and its data"
                )
        return spec

    def save(self, number: int, state: dict[str, Tensor]) -> None:
        """Write the shared state after `number` rounds; a second writer's is the same and is dropped."""
        self._put(_state(number), safetensors.torch.save(state))

    def states(self) -> list[int]:
        """Return after how many rounds there are shared states, ascending."""
        return [int(key.rpartition("-")[2]) for key in self.bucket.list(STATES)]

    def state(self, number: int) -> dict[str, Tensor]:
        """Return the shared state after `number` rounds; raises KeyError."""
        return safetensors.torch.load(self.bucket.get(_state(number)))

    def remember(self, number: int, state: Mapping[str, Tensor]) -> None:
        """Write what the validator remembers after `number` rounds, if that is anything."""
        if state:
            self._put(_memory(number), safetensors.torch.save(dict(state)))

    def remembered(self, number: int) -> dict[str, Tensor]:
        """Return what the validator remembered after `number` rounds, nothing where none was written."""
        try:
            return safetensors.torch.load(self.bucket.get(_memory(number)))
        except KeyError:
            return {}

    def ask_for_probes(self) -> None:
        """Write that peers should publish probes; before the run is announced, so that all of them know."""
        self._put(_PROBES, b"")

    def wants_probes(self) -> bool:
        """Return whether peers should publish probes."""
        try:
            self.bucket.size(_PROBES)
        except KeyError:
            return False
        return True

    def select(self, number: int, peers: Sequence[int]) -> None:
        """Write whose payloads a round applies: this closes it."""
        self._put(selected_key(number), canonical_json(sorted(peers)).encode())

    def selected(self, number: int) -> list[int] | None:
        """Return whose payloads a round applies, ascending; None while it is open."""
        try:
            return list(json.loads(self.bucket.get(selected_key(number))))
        except KeyError:
            return None

    def record(self, record: RoundRecord) -> None:
        """Write the record of a round; the first one stands."""
        self._put(_record(record.round), record.to_json().encode())

    def records(self) -> list[RoundRecord]:
        """Return the records of all rounds so far."""
        keys = [key for key in self.bucket.list() if key.endswith("/record")]
        return [RoundRecord.from_json(self.bucket.get(key).decode()) for key in keys]

    def join(self, number: int, peer: int) -> None:
        """Write that a peer is at work for a round, so that this waits for it."""
        self._put(_joining(number, peer), b"")

    def came(self, number: int, peers: Iterable[int]) -> tuple[set[int], set[int]]:
        """Return who of `peers` has delivered in a round, and who says that it is joining."""
        keys = set(self.bucket.list(round_prefix(number)))
        delivered = {peer for peer in peers if key_of(number, peer) in keys}
        return delivered, {peer for peer in peers if _joining(number, peer) in keys}

    def report(self, number: int, peer: int, report: Report) -> None:
        """Write what a peer says with its payload; an earlier life's words stand."""
        said = dataclasses.asdict(report)
        said["losses"] = [loss if math.isfinite(loss) else None for loss in report.losses]  # JSON has no NaN
        self._put(_report(number, peer), canonical_json(said).encode())

    def reported(self, number: int, peer: int) -> Report:
        """Return what a peer said with its payload; raises KeyError."""
        said: dict[str, Any] = json.loads(self.bucket.get(_report(number, peer)))
        losses = [math.nan if loss is None else loss for loss in said["losses"]]
        return Report(losses, said["tokens"], said["resets"], [Span(**span) for span in said["spans"]])

    def reports(self, number: int) -> list[Report]:
        """Return what was reported in a round, by peer."""
        prefix = f"{round_prefix(number)}/report-"
        keys = [key for key in self.bucket.list(round_prefix(number)) if key.startswith(prefix)]
        return [self.reported(number, int(key.removeprefix(prefix))) for key in keys]

    def prune(self, before: int) -> None:
        """Remove payloads, reports and states of the rounds before this one; lists and records stay."""
        old = (round_prefix(before), _state(before), _memory(before))
        keys = [key for key in self.bucket.list() for first in old if _group(first) <= key < first]
        self.bucket.delete(key for key in keys if not key.endswith(("/selected", "/record")))

    def _put(self, key: str, data: bytes) -> bool:
        """Return whether this was the first to write `key`."""
        try:
            self.bucket.put(key, data)
        except KeyTaken:
            return False
        return True


def _state(number: int) -> str:
    return f"{STATES}/after-{number:06d}"


def _memory(number: int) -> str:
    return f"{_MEMORIES}/after-{number:06d}"


def _group(key: str) -> str:
    return key.rstrip("0123456789")


def selected_key(number: int) -> str:
    """Return the key of a round's list."""
    return f"{round_prefix(number)}/selected"


def _record(number: int) -> str:
    return f"{round_prefix(number)}/record"


def _joining(number: int, peer: int) -> str:
    return f"{round_prefix(number)}/joining-{peer:04d}"


def _report(number: int, peer: int) -> str:
    return f"{round_prefix(number)}/report-{peer:04d}"


def _text(spec: TrainSpec) -> bytes:
    return canonical_json({"spec": spec.to_dict(), "facts": _facts(spec)}).encode()


def _facts(spec: TrainSpec) -> dict[str, str]:
    return {"code": provenance.code_hash(ROOMS), "text": corpus.fingerprint(spec.corpus)}


def _spec(fields: dict[str, Any]) -> TrainSpec:
    parts: dict[str, Any] = {"corpus": CorpusSpec.from_parameters(fields["corpus"])}
    if fields["compression"] is not None:
        parts["compression"] = CompressionSpec.from_parameters(fields["compression"])
    return TrainSpec.from_parameters({**fields, **parts})
