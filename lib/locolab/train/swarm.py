"""`Swarm`: the one loop. Methods, validators and peers are values given to it."""

from __future__ import annotations

import hashlib
import itertools
import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import Parameter

from locolab.config import ConfigError
from locolab.corpus import Corpus, n_samples
from locolab.model import build
from locolab.network import Bucket, key_of, round_prefix
from locolab.train.evaluation import evaluate
from locolab.train.flat import FlatModel, reproducible, views
from locolab.train.outer import outer_for
from locolab.train.payload import Update, wire_for
from locolab.train.peer import Peer, train_together
from locolab.train.records import RoundRecord
from locolab.train.spec import TrainSpec
from locolab.train.validator import Submissions, TrustingValidator, Validator

STACKED_TOKENS = 1024
"""Peers train side by side until their batches hold this many tokens: more gains nothing and costs memory."""

KEPT_EXCHANGES = 2
"""Exchanges whose payloads stay in the bucket: the last one and the one before."""


@dataclass
class _Tally:
    """What adds up over the exchanges of a round."""

    losses: list[float] = field(default_factory=list)
    bytes: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    digests: dict[int, hashlib._Hash] = field(default_factory=lambda: defaultdict(hashlib.sha256))
    selected: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    kept: int = 0
    nonfinite: int = 0


class Swarm:
    """Peers, a bucket, a validator and the parameters they share.

    `theta` is the flat vector of shared parameters, `model` the working model that peers and evaluation load
    it into. `round()` runs the next round, number `number`; `seconds` says where the last one's time went.
    `behaviours` names the peers that are not plain `Peer`s: what to build in their place, from the same
    arguments.
    """

    def __init__(
        self,
        spec: TrainSpec,
        text: Corpus,
        bucket: Bucket | None = None,
        validator: Validator | None = None,
        behaviours: Mapping[int, Callable[..., Peer]] | None = None,
    ) -> None:
        _check_length(spec, text)
        self.spec = spec
        self.text = text
        self.bucket = bucket or Bucket()
        self.validator = validator or TrustingValidator()
        self.model = FlatModel(build(spec.model, spec.seed), stack_size(spec))
        self.wire = wire_for(spec, self.model.shapes)
        self.peers = [
            (behaviours or {}).get(index, Peer)(index, spec, text, self.model, self.wire)
            for index in range(spec.n_peers)
        ]
        self.number = 0
        self.seconds: dict[str, float] = {}
        self._parameter = Parameter(self.model.vector.clone())
        self._outer = outer_for(spec, self._parameter)
        self._tokens = 0
        self._sent = 0
        self._recent: deque[list[str]] = deque()

    @property
    def theta(self) -> Tensor:
        """The shared parameters as a flat vector."""
        return self._parameter.detach()

    def parameters(self) -> dict[str, Tensor]:
        """Return the shared parameters by name, as views into `theta`."""
        return views(self.theta, self.model.shapes)

    def round(self) -> RoundRecord:
        """Run the next round, with the threads of the specification, and return its record."""
        with reproducible(self.spec.threads):
            return self._round()

    def _round(self) -> RoundRecord:
        self.seconds = defaultdict(float)
        before, resets, tally = self.theta.clone(), self._resets(), _Tally()
        for step in range(self.spec.exchanges):
            self._exchange(step, tally)
        self._sent += sum(tally.bytes.values())
        validation_loss, bits_per_byte = self._evaluate()
        record = RoundRecord(
            round=self.number,
            tokens=self._tokens,
            train_loss=_mean(tally.losses),
            validation_loss=validation_loss,
            bits_per_byte=bits_per_byte,
            payload_bytes=[tally.bytes[peer.index] for peer in self.peers],
            payload_sha256=[tally.digests[peer.index].hexdigest() for peer in self.peers],
            sent_bytes=self._sent / len(self.peers),
            selected=sorted(tally.selected),
            refused=tally.refused,
            kept_values=tally.kept,
            update_norm=_finite((self.theta - before).norm().item()),
            nonfinite=tally.nonfinite,
            resets=self._resets() - resets,
        )
        self.number += 1
        return record

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Return what has to survive a restart, in one group for the swarm and one for each peer."""
        counts = torch.tensor([self.number, self._tokens, self._sent])
        outer = {f"outer.{name}": tensor for name, tensor in self._outer.state().items()}
        groups = {"swarm": {"theta": self.theta, "counts": counts, **outer}}
        return groups | {f"peer-{peer.index:04d}": peer.state() for peer in self.peers}

    def load_state(self, state: Mapping[str, dict[str, Tensor]]) -> None:
        """Take over what `state()` returned; payloads of later rounds disappear from the bucket."""
        own = state["swarm"]
        self.theta.copy_(own["theta"])
        self.number, self._tokens, self._sent = (int(count) for count in own["counts"])
        names = [name for name in own if name.startswith("outer.")]
        self._outer.load_state({name.removeprefix("outer."): own[name] for name in names})
        for peer in self.peers:
            peer.load_state(state[f"peer-{peer.index:04d}"])
        self.bucket.delete(key for key in self.bucket.list() if key >= round_prefix(self.number))

    def _exchange(self, step: int, tally: _Tally) -> None:
        """Everybody sends, the validator selects, theta moves: once a round, or at every inner step."""
        key_step = step if self.spec.exchanges > 1 else None
        self._forget_old(
            [key for group in self._groups() for key in self._send(group, step, key_step, tally)]
        )
        everybody = [peer.index for peer in self.peers]
        submissions = Submissions(self.number, key_step, self.parameters(), self.bucket, everybody, self.wire)
        with self._timed("review"):
            updates = self._select(submissions)
        tally.selected |= updates.keys()
        tally.refused |= submissions.refused
        tally.kept += sum(update.n_kept for update in updates.values())
        tally.nonfinite += sum(update.nonfinite for update in updates.values())
        if updates:
            with self._timed("outer"):
                first = self.number * self.spec.local_steps
                self._outer.step(self.wire.combine(list(updates.values())), first + step)

    def _groups(self) -> Iterator[list[Peer]]:
        """Yield the peers in their order: plain neighbours that train side by side, every other one alone."""
        for plain, run in itertools.groupby(self.peers, _is_plain):
            size, rest = len(self.model.rows) if plain else 1, iter(run)
            while group := list(itertools.islice(rest, size)):
                yield group

    def _send(self, group: list[Peer], step: int, key_step: int | None, tally: _Tally) -> list[str]:
        """Let a group train and put what its peers return into the bucket; return the keys of that."""
        sent = []
        for peer in group:
            peer.losses, peer.tokens = [], 0  # one that does not train this time has none
        for peer, payload in zip(group, self._payloads(group, step), strict=True):
            tally.losses += peer.losses
            self._tokens += peer.tokens
            if payload is None:
                continue
            sent.append(key_of(self.number, peer.index, key_step))
            self.bucket.put(sent[-1], payload)
            tally.bytes[peer.index] += len(payload)
            tally.digests[peer.index].update(payload)
        return sent

    def _payloads(self, group: list[Peer], step: int) -> list[bytes | None]:
        """Return what the peers of a group send; a misbehaving one decides on its whole round."""
        if not _is_plain(group[0]):
            with self._timed("train"):
                return [group[0].round(self.theta, self.number, step)]
        with self._timed("train"):
            deltas = train_together(group, self.theta, self.number, step)
        with self._timed("pack"):
            return [peer.send(delta, self.number) for peer, delta in zip(group, deltas, strict=True)]

    def _forget_old(self, keys: list[str]) -> None:
        """Remember the newest exchange's keys and delete those of the exchange that nobody needs any more."""
        self._recent.append(keys)
        if len(self._recent) > KEPT_EXCHANGES:
            self.bucket.delete(self._recent.popleft())

    def _select(self, submissions: Submissions) -> dict[int, Update]:
        """Return the selected peers' updates by number, ascending: sums do not depend on who was first."""
        chosen = set(self.validator.review(submissions))
        updates: dict[int, Update] = {}
        for peer in submissions.peers:
            update = submissions.update(peer)
            if update is not None and peer in chosen:
                updates[peer] = update
            elif update is not None:
                submissions.refuse(peer, "not selected")
        return dict(sorted(updates.items()))

    def _evaluate(self) -> tuple[float | None, float | None]:
        """Return the validation loss and bits per byte in the rounds where they are due, else None."""
        if (self.number + 1) % self.spec.evaluate_every and self.number + 1 < self.spec.rounds:
            return None, None
        with self._timed("evaluation"):
            self.model.vector.copy_(self.theta)
            loss, bits = evaluate(
                self.model, self.text, self.spec.model.context, self.spec.evaluate_sequences
            )
        return _finite(loss), _finite(bits)

    def _resets(self) -> int:
        return sum(peer.resets for peer in self.peers)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[what] += time.perf_counter() - start


def stack_size(spec: TrainSpec) -> int:
    """Return how many peers train side by side; it changes no byte of what they send.

    >>> stack_size(TrainSpec(preset="tiny", batch=4)), stack_size(TrainSpec(preset="mini", batch=4))
    (4, 1)
    """
    return min(spec.n_peers, max(1, STACKED_TOKENS // (spec.batch * spec.model.context)))


def _is_plain(peer: Peer) -> bool:
    return type(peer) is Peer


def _check_length(spec: TrainSpec, text: Corpus) -> None:
    """Raise ConfigError if the text does not hold a single window of the model's context."""
    for part in ("train", "validation"):
        tokens = getattr(text, part)
        if n_samples(tokens, spec.model.context) == 0:
            raise ConfigError(
                f"the {part} text has {len(tokens)} tokens, fewer than one window of "
                f"{spec.model.context} + 1; take a longer text or a model with less context"
            )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None
