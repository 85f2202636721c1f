"""Who is aggregated: the protocol that the Gauntlet implements, and the validator that trusts everybody."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from locolab.compress import PayloadError
from locolab.corpus import Corpus
from locolab.network import Bucket, key_of
from locolab.train.flat import FlatModel, views
from locolab.train.payload import Update, Wire
from locolab.train.probe import probe_key
from locolab.train.spec import TrainSpec

LARGEST_PER_PARAMETER, LARGEST_HEADER = 16, 1 << 16
"""Bytes: what is longer is no payload, and is not fetched; a dense one has 4 for each parameter."""

LARGEST_PROBE = 4096
"""Bytes, likewise."""


class Submissions:
    """What lies in the bucket for one exchange, decoded when somebody asks for it, and only once.

    `number` is the round, `step` the exchange in it (None where a round has one), `vector` what every peer
    started from, flat, and `theta` the same by name: both move on with the outer step that follows. `uploads`
    says when each of `peers`, those that were expected, sent: seconds after the window for uploads opened.
    `model` is the working model, free to be loaded with anything. `refused` has the reasons found so far.
    """

    def __init__(
        self,
        number: int,
        step: int | None,
        vector: Tensor,
        bucket: Bucket,
        uploads: Mapping[int, float],
        wire: Wire,
        spec: TrainSpec,
        text: Corpus,
        model: FlatModel,
    ) -> None:
        self.number = number
        self.step = step
        self.vector = vector
        self.theta = views(vector, model.shapes)
        self.bucket = bucket
        self.peers = tuple(uploads)
        self.spec = spec
        self.text = text
        self.model = model
        self.refused: dict[int, str] = {}
        self._uploads = uploads
        self._largest = LARGEST_PER_PARAMETER * vector.numel() + LARGEST_HEADER
        self._wire = wire
        self._decoded: dict[int, Update | None] = {}

    def update(self, peer: int) -> Update | None:
        """Return what `peer` sent, None (and a reason in `refused`) if it is absent or not well formed."""
        if peer not in self._decoded:
            self._decoded[peer] = self._read(peer)
        return self._decoded[peer]

    def uploaded(self, peer: int) -> float:
        """Return when `peer` sent by the bucket's clock: seconds after the window for uploads opened."""
        return self._uploads[peer]

    def probe(self, peer: int) -> bytes | None:
        """Return what `peer` published about the theta it started from, None if it did not."""
        key = probe_key(self.number, peer)
        try:
            return self.bucket.get(key) if self.bucket.size(key) <= LARGEST_PROBE else None
        except KeyError:
            return None

    def refuse(self, peer: int, reason: str) -> None:
        """Note why a peer is left out of this round; the first reason stands."""
        self.refused.setdefault(peer, reason)

    def _read(self, peer: int) -> Update | None:
        key = key_of(self.number, peer, self.step)
        try:
            if (size := self.bucket.size(key)) > self._largest:
                raise PayloadError(f"{size} bytes are more than any payload of this model has")
            return self._wire.unpack(self.bucket.get(key))
        except KeyError:
            self.refuse(peer, "nothing submitted")
        except PayloadError as error:
            self.refuse(peer, f"payload refused: {error}")
        return None


class Validator(Protocol):
    """Decides which peers' updates are aggregated.

    Only `review` has to be written. `wants_probes` asks the peers for probes; `last` says, as JSON-able rows,
    why the last review ended as it did.
    """

    wants_probes: bool = False
    last: Sequence[Mapping[str, Any]] = ()

    @abstractmethod
    def review(self, round: Submissions) -> Sequence[int]:
        """Return the selected peers; it may say why others are not with `round.refuse(peer, reason)`.

        A selected peer whose payload cannot be decoded is left out all the same.
        """

    def state(self) -> dict[str, Tensor]:
        """Return what has to survive a restart: by default nothing."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state()` returned; raises ValueError where that is nothing."""
        if state:
            raise ValueError(f"{type(self).__name__} remembers nothing, but was given {', '.join(state)}")


class TrustingValidator(Validator):
    """Selects everybody; what is absent or not well formed falls out in decoding."""

    def review(self, round: Submissions) -> Sequence[int]:
        """Return all expected peers."""
        return round.peers
