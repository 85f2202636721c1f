"""`Swarm`: the one loop. Methods, validators and peers are values given to it."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import Parameter

from locolab.config import ConfigError
from locolab.corpus import Corpus, n_samples
from locolab.network import Bucket, key_of, round_prefix
from locolab.train.evaluation import evaluate
from locolab.train.flat import FlatModel, reproducible, views
from locolab.train.groups import groups, is_plain, stack_size
from locolab.train.history import History
from locolab.train.outer import outer_for
from locolab.train.payload import Update, wire_for
from locolab.train.peer import Peer, train_together
from locolab.train.population import Population
from locolab.train.probe import probe_key
from locolab.train.records import RoundRecord
from locolab.train.roster import Schedule, everybody
from locolab.train.spec import TrainSpec
from locolab.train.start import start_model
from locolab.train.tally import Tally, finite, mean
from locolab.train.validator import Submissions, TrustingValidator, Validator

KEPT_EXCHANGES = 2
"""Exchanges whose payloads stay in the bucket: the last one and the one before."""


class Swarm:
    """Peers, a bucket, a validator and the parameters they share.

    `theta` is the flat vector of shared parameters, `model` the working model that peers and evaluation load
    it into. `round()` runs the next round, number `number`; `seconds` says where the last one's time went.
    `behaviours` names the peers that are not plain `Peer`s: what to build in their place, from the same
    arguments. `churn` says who takes part when; without it `spec.n_peers` peers do, always. `peers` are
    those of the round that `round()` ran last, at first those of the first.
    """

    def __init__(
        self,
        spec: TrainSpec,
        text: Corpus,
        bucket: Bucket | None = None,
        validator: Validator | None = None,
        behaviours: Mapping[int, Callable[..., Peer]] | None = None,
        churn: Schedule | None = None,
    ) -> None:
        _check_length(spec, text)
        _check_peers(spec, behaviours or {}, churn)
        self.spec = spec
        self.text = text
        self.bucket = bucket or Bucket()
        self.validator = validator or TrustingValidator()
        self.model = FlatModel(start_model(spec), stack_size(spec))
        self.wire = wire_for(spec, self.model.shapes)
        self._behaviours = behaviours or {}
        self._history = History(spec, self.wire) if churn else None
        rosters = churn.rosters(spec.rounds, spec.seed) if churn else everybody(spec.n_peers)
        self._population = Population(rosters, self._new_peer)
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

    @property
    def peers(self) -> list[Peer]:
        """The peers that take part, in order of their numbers."""
        return self._population.live

    def parameters(self) -> dict[str, Tensor]:
        """Return the shared parameters by name, as views into `theta`."""
        return views(self.theta, self.model.shapes)

    def round(self) -> RoundRecord:
        """Run the next round, with the threads of the specification, and return its record."""
        with reproducible(self.spec.threads):
            return self._round()

    def _round(self) -> RoundRecord:
        self.seconds = defaultdict(float)
        self._population.go_to(self.number)
        with self._timed("catch up"):
            joined = self._welcome()
        before, resets, tally = self.theta.clone(), self._population.resets(), Tally()
        for step in range(self.spec.exchanges):
            self._exchange(step, tally)
        self._sent += sum(tally.sizes.values())
        validation_loss, bits_per_byte = self._evaluate()
        record = RoundRecord(
            round=self.number,
            tokens=self._tokens,
            train_loss=mean(tally.losses),
            validation_loss=validation_loss,
            bits_per_byte=bits_per_byte,
            payload_bytes=[tally.sizes[peer.index] for peer in self.peers],
            payload_sha256=[tally.digests[peer.index].hexdigest() for peer in self.peers],
            sent_bytes=self._sent * (self.number + 1) / max(1, self._population.presences()),
            selected=sorted(tally.selected),
            refused=tally.refused,
            kept_values=tally.kept,
            update_norm=finite((self.theta - before).norm().item()),
            nonfinite=tally.nonfinite,
            resets=self._population.resets() - resets,
            live=[peer.index for peer in self.peers],
            submitted=sorted(tally.submitted),
            joined=joined,
        )
        self.number += 1
        return record

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Return what has to survive a restart: the swarm, each peer, and what else remembers something."""
        counts = torch.tensor([self.number, self._tokens, self._sent])
        outer = {f"outer.{name}": tensor for name, tensor in self._outer.state().items()}
        groups = {"swarm": {"theta": self.theta, "counts": counts, **outer}}
        groups |= {"validator": self.validator.state()} if self.validator.state() else {}
        groups |= {"history": self._history.state()} if self._history else {}
        return groups | self._population.state()

    def load_state(self, state: Mapping[str, dict[str, Tensor]]) -> None:
        """Take over what `state()` returned; payloads of later rounds disappear from the bucket."""
        own = state["swarm"]
        self.theta.copy_(own["theta"])
        self.number, self._tokens, self._sent = (int(count) for count in own["counts"])
        names = [name for name in own if name.startswith("outer.")]
        self._outer.load_state({name.removeprefix("outer."): own[name] for name in names})
        if "validator" in state:
            self.validator.load_state(state["validator"])
        if self._history:
            self._history.load_state(state["history"])
        self._population.load_state(state, self.number)
        self.bucket.delete(key for key in self.bucket.list() if key >= round_prefix(self.number))

    def _new_peer(self, index: int) -> Peer:
        kind = self._behaviours.get(index, Peer)
        peer = kind(index, self.spec, self.text, self.model, self.wire)
        peer.bucket = self.bucket
        return peer

    def _welcome(self) -> dict[int, int]:
        """Let those who join catch up; return the bytes that each of them fetched.

        Raises RuntimeError where they end with another theta than everybody has.
        """
        if not self._history:
            return {}
        if self.number % self.spec.checkpoint_every == 0:
            self._history.restart(self.theta, self._outer.state())
        joined = self._population.joined()
        if joined and not torch.equal(self._history.replay(), self.theta):
            raise RuntimeError(f"peers {joined} caught up with another theta than round {self.number} has")
        return dict.fromkeys(joined, self._history.n_bytes)

    def _exchange(self, step: int, tally: Tally) -> None:
        """Everybody sends, the validator selects, theta moves: once a round, or at every inner step."""
        key_step = step if self.spec.exchanges > 1 else None
        together = groups(self.peers, self.number, len(self.model.rows))
        self._forget_old([key for group in together for key in self._send(group, step, key_step, tally)])
        submissions = self._submissions(key_step)
        with self._timed("review"):
            updates = self._select(submissions)
        if self._history:
            keys = [key_of(self.number, peer) for peer in updates]
            self._history.add(self.number, [self.bucket.get(key) for key in keys])
        tally.reviewed(submissions, updates)
        if updates:
            with self._timed("outer"):
                first = self.number * self.spec.local_steps
                self._outer.step(self.wire.combine(list(updates.values())), first + step)

    def _submissions(self, key_step: int | None) -> Submissions:
        uploads = {peer.index: peer.uploads_after(self.number) for peer in self.peers}
        context = (self.wire, self.spec, self.text, self.model)
        return Submissions(self.number, key_step, self.theta, self.bucket, uploads, *context)

    def _send(self, group: list[Peer], step: int, key_step: int | None, tally: Tally) -> list[str]:
        """Let a group train and put what its peers return into the bucket; return the keys of that."""
        sent = []
        for peer in group:
            peer.losses, peer.tokens = [], 0  # one that does not train this time has none
        for peer, payload in zip(group, self._payloads(group, step), strict=True):
            tally.losses += peer.losses
            self._tokens += peer.tokens
            sent += self._publish_probe(peer)
            arrived = payload and self._population.roster.arrives(peer.index, payload)
            if arrived is None:
                continue
            sent.append(key_of(self.number, peer.index, key_step))
            self.bucket.put(sent[-1], arrived)
            tally.arrived(peer.index, arrived)
        return sent

    def _publish_probe(self, peer: Peer) -> list[str]:
        """Put a peer's probe into the bucket where the validator wants one; return its key, if any."""
        probe = peer.probe(self.theta, self.number) if self.validator.wants_probes else None
        if probe is None:
            return []
        self.bucket.put(probe_key(self.number, peer.index), probe)
        return [probe_key(self.number, peer.index)]

    def _payloads(self, group: list[Peer], step: int) -> list[bytes | None]:
        """Return what the peers of a group send; a misbehaving one decides on its whole round."""
        if not is_plain(group[0]):
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
        return finite(loss), finite(bits)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[what] += time.perf_counter() - start


def _check_peers(
    spec: TrainSpec, behaviours: Mapping[int, Callable[..., Peer]], churn: Schedule | None
) -> None:
    """Raise ConfigError for behaviours of peers that never are there, and for churn inside a round."""
    if churn and spec.exchanges > 1:
        raise ConfigError(f"peers come and go between rounds, and method {spec.method!r} has none")
    strangers = sorted(set(behaviours) - set(range(spec.n_peers)))
    if strangers and churn is None:
        raise ConfigError(f"behaviours of peers {strangers}, but n_peers={spec.n_peers} has 0 .. n - 1")


def _check_length(spec: TrainSpec, text: Corpus) -> None:
    """Raise ConfigError if the text does not hold a single window of the model's context."""
    for part in ("train", "validation"):
        tokens = getattr(text, part)
        if n_samples(tokens, spec.model.context) == 0:
            raise ConfigError(
                f"the {part} text has {len(tokens)} tokens, fewer than one window of "
                f"{spec.model.context} + 1; take a longer text or a model with less context"
            )
