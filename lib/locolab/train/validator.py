"""Who is aggregated: the protocol that the Gauntlet implements, and the validator that trusts everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from locolab.compress import PayloadError
from locolab.network import Bucket, key_of
from locolab.train.payload import Update, Wire


class Submissions:
    """What lies in the bucket for one exchange, decoded when somebody asks for it, and only once.

    `number` is the round, `step` the exchange in it (None where a round has one), `theta` what every peer
    started from, `peers` who was expected, `refused` the reasons found so far, by peer.
    """

    def __init__(
        self,
        number: int,
        step: int | None,
        theta: Mapping[str, Tensor],
        bucket: Bucket,
        peers: Sequence[int],
        wire: Wire,
    ) -> None:
        self.number = number
        self.step = step
        self.theta = theta
        self.bucket = bucket
        self.peers = tuple(peers)
        self.refused: dict[int, str] = {}
        self._wire = wire
        self._decoded: dict[int, Update | None] = {}

    def update(self, peer: int) -> Update | None:
        """Return what `peer` sent, None (and a reason in `refused`) if it is absent or not well formed."""
        if peer not in self._decoded:
            self._decoded[peer] = self._read(peer)
        return self._decoded[peer]

    def refuse(self, peer: int, reason: str) -> None:
        """Note why a peer is left out of this round; the first reason stands."""
        self.refused.setdefault(peer, reason)

    def _read(self, peer: int) -> Update | None:
        try:
            return self._wire.unpack(self.bucket.get(key_of(self.number, peer, self.step)))
        except KeyError:
            self.refuse(peer, "nothing submitted")
        except PayloadError as error:
            self.refuse(peer, f"payload refused: {error}")
        return None


class Validator(Protocol):
    """Decides which peers' updates are aggregated."""

    def review(self, round: Submissions) -> Sequence[int]:
        """Return the selected peers; it may say why others are not with `round.refuse(peer, reason)`.

        A selected peer whose payload cannot be decoded is left out all the same.
        """


class TrustingValidator:
    """Selects everybody; what is absent or not well formed falls out in decoding."""

    def review(self, round: Submissions) -> Sequence[int]:
        """Return all expected peers."""
        return round.peers
