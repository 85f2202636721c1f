"""`Arm`: one run as a value: its specification, and who validates, misbehaves and comes and goes in it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

from locolab.config import ConfigError, canonical_json
from locolab.corpus import Corpus, CorpusSpec
from locolab.train.flat import FlatModel
from locolab.train.payload import Wire
from locolab.train.peer import Peer
from locolab.train.roster import Schedule
from locolab.train.spec import TrainSpec
from locolab.train.validator import Validator


class ValidatorSpec(Protocol):
    """The settings of a validator."""

    rooms: ClassVar[tuple[str, ...]]
    """Rooms whose code decides its verdicts."""

    libraries: ClassVar[tuple[str, ...]]
    """Libraries whose version may decide its verdicts."""

    def build(self) -> Validator:
        """Return a new validator."""

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""


class PeerSpec(Protocol):
    """What a peer does that is no plain `Peer`."""

    rooms: ClassVar[tuple[str, ...]]
    """Rooms whose code decides what it does."""

    def __call__(self, index: int, spec: TrainSpec, text: Corpus, model: FlatModel, wire: Wire) -> Peer:
        """Return the peer; the arguments are those of `Peer`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""


@dataclasses.dataclass(frozen=True)
class Arm:
    """A run: everything that decides its bytes.

    `validator` selects (None trusts everybody), `behaviours` has the peers that are no plain `Peer`, by their
    numbers, `churn` says who takes part when (None: `spec.n_peers` peers, always). All of it names the run in
    the cache; with the defaults the specification alone does.

    >>> arm = Arm(TrainSpec(seed=1))
    >>> arm.parts(), arm.replace(seed=2).spec.seed
    ({}, 2)
    """

    spec: TrainSpec
    validator: ValidatorSpec | None = None
    behaviours: Mapping[int, PeerSpec] = dataclasses.field(default_factory=dict)
    churn: Schedule | None = None

    def __post_init__(self) -> None:
        if self.parts() and self.spec.exchanges > 1:
            raise ConfigError(f"method {self.spec.method!r} trains with plain peers only: it has no rounds")
        if self.churn and self.spec.keep_deltas:
            raise ConfigError("keep_deltas needs a peer 0 that stays: leave it at 0 where peers come and go")

    @classmethod
    def of(cls, run: TrainSpec | Self) -> Self:
        """Return the arm of a specification alone; an arm is itself."""
        return cls(run) if isinstance(run, TrainSpec) else run

    @property
    def corpus(self) -> CorpusSpec:
        """The specification's text."""
        return self.spec.corpus

    @property
    def rooms(self) -> tuple[str, ...]:
        """Rooms, beside those of every run, whose code decides the bytes."""
        return tuple(sorted({room for part in self._values() for room in part.rooms}))

    @property
    def libraries(self) -> tuple[str, ...]:
        """Libraries, beside those of every run, whose version may decide the bytes."""
        return tuple(self.validator.libraries) if self.validator else ()

    def replace(self, **changes: Any) -> Self:
        """Return the arm with some fields of its specification changed; unknown names raise ConfigError."""
        return dataclasses.replace(self, spec=self.spec.replace(**changes))

    def parts(self) -> dict[str, Any]:
        """Return all but the specification as JSON-able values; nothing for a plain run."""
        behaviours = {str(peer): _named(part) for peer, part in sorted(self.behaviours.items())}
        parts = {"behaviours": behaviours, "churn": _named(self.churn), "validator": _named(self.validator)}
        return {name: value for name, value in parts.items() if value}

    def hash(self) -> str:
        """Return 16 hex digits that name the run; for a plain one those of its specification."""
        if not self.parts():
            return self.spec.hash()
        text = canonical_json({"spec": self.spec.hash(), **self.parts()})
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def keywords(self) -> dict[str, Any]:
        """Return what a `Swarm` takes beside the specification and the text."""
        return {
            "validator": self.validator.build() if self.validator else None,
            "behaviours": self.behaviours,
            "churn": self.churn,
        }

    def _values(self) -> list[ValidatorSpec | PeerSpec | Schedule]:
        return [part for part in (self.validator, self.churn, *self.behaviours.values()) if part]


def _named(part: ValidatorSpec | PeerSpec | Schedule | None) -> dict[str, Any]:
    """Return the class and the settings of a part, nothing for None."""
    return {"class": type(part).__name__, "fields": part.to_dict()} if part is not None else {}
