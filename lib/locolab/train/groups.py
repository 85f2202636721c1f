"""Which peers of a round train side by side."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from locolab.train.peer import Peer
from locolab.train.spec import TrainSpec

STACKED_TOKENS = 1024
"""Peers train side by side until their batches hold this many tokens: more gains nothing and costs memory."""


def stack_size(spec: TrainSpec) -> int:
    """Return how many peers train side by side; it changes no byte of what they send.

    >>> stack_size(TrainSpec(preset="tiny", batch=4)), stack_size(TrainSpec(preset="mini", batch=4))
    (4, 1)
    """
    return min(spec.n_peers, max(1, STACKED_TOKENS // (spec.batch * spec.model.context)))


def is_plain(peer: Peer) -> bool:
    """Return whether a peer does nothing of its own, so that it can train beside others."""
    return type(peer) is Peer


def groups(peers: Sequence[Peer], number: int, size: int) -> Iterator[list[Peer]]:
    """Yield peers, those who wait in round `number` last: plain neighbours by `size`, every other alone."""
    order = sorted(peers, key=lambda peer: peer.waits(number))
    for plain, run in itertools.groupby(order, is_plain):
        rest = iter(run)
        while group := list(itertools.islice(rest, size if plain else 1)):
            yield group
