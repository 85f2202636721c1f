"""Behaviours in sending: noise, others' work, too much, one huge number, or what is no payload at all."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from locolab.compress import PayloadError
from locolab.compress.wire import HEADER_BYTES, reseal
from locolab.config import ConfigError
from locolab.gauntlet.behaviour import Actor, Behaviour
from locolab.network import round_prefix
from locolab.train import learning_rate
from locolab.train.flat import flatten
from locolab.train.peer import HONEST_UPLOAD


@dataclasses.dataclass(frozen=True)
class FreeRider(Behaviour):
    """Does not train. `sends` says what it makes up.

    ``noise``: normal numbers of the size that training would give; ``zeros``; ``repeat``: its payload of the
    first round, the only one that it trained in, ever again; ``echo``: the change of theta in the last round,
    once more.
    """

    sends: str = "noise"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sends not in _MADE_UP:
            raise ConfigError(f"FreeRider.sends should be one of {', '.join(_MADE_UP)}, got {self.sends!r}")

    def round(self, peer: Actor, theta: Tensor, number: int) -> bytes | None:
        """Return what it made up."""
        return _MADE_UP[self.sends](peer, theta, number)


def _noise(peer: Actor, theta: Tensor, number: int) -> bytes:
    """Return noise whose size is that of a random walk of AdamW's steps."""
    steps = peer.spec.local_steps
    size = learning_rate(peer.spec, number * steps) * math.sqrt(steps)
    return peer.pack(size * _normal(peer, number, theta), number)


def _zeros(peer: Actor, theta: Tensor, number: int) -> bytes:
    return peer.pack(torch.zeros_like(theta), number)


def _repeat(peer: Actor, theta: Tensor, number: int) -> bytes:
    if "payload" not in peer.memory:
        payload = peer.pack(peer.trained(theta, number), number)
        peer.memory["payload"] = torch.from_numpy(np.frombuffer(payload, np.uint8).copy())
    return peer.memory["payload"].numpy().tobytes()


def _echo(peer: Actor, theta: Tensor, number: int) -> bytes | None:
    before = peer.memory.get("before")
    peer.memory["before"] = theta.clone()
    return None if before is None else peer.pack(before - theta, number)


_MADE_UP: Mapping[str, Callable[[Actor, Tensor, int], bytes | None]] = {
    "noise": _noise,
    "zeros": _zeros,
    "repeat": _repeat,
    "echo": _echo,
}


@dataclasses.dataclass(frozen=True)
class Copier(Behaviour):
    """Sends another's payload of this round, after everybody else has sent.

    `victim` None is drawn anew each round. `keep` is the share of the copied values that it keeps and `noise`
    how large, against the mean magnitude of these, the random numbers are that it adds everywhere; 1 and 0
    send the very bytes.
    """

    victim: int | None = None
    keep: float = 1.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.keep <= 1 or not 0 <= self.noise < math.inf:
            raise ConfigError(f"Copier: give keep in 0..1 and noise >= 0, got {self.keep} and {self.noise}")

    def round(self, peer: Actor, theta: Tensor, number: int) -> bytes | None:
        """Return the copy; nothing where there is nothing to copy."""
        payload = self._look(peer, number)
        if payload is None or (self.keep == 1 and self.noise == 0):
            return payload
        try:
            return self._disguised(peer, payload, number)
        except PayloadError:
            return None

    def uploads_after(self, peer: Actor, number: int, honest: float) -> float:
        """Return one second after the last honest peer."""
        return HONEST_UPLOAD[1] + 1.0

    def waits(self, number: int) -> bool:
        """Return True: it has to see what others sent."""
        return True

    def _look(self, peer: Actor, number: int) -> bytes | None:
        """Return a payload of this round that lies in the bucket, the victim's if it has one."""
        if peer.bucket is None:
            raise RuntimeError("a copier needs a bucket to look into: give it to a Swarm")
        keys = [key for key in peer.bucket.list(round_prefix(number)) if "/peer-" in key]
        if self.victim is not None:
            keys = [key for key in keys if key.endswith(f"/peer-{self.victim:04d}")]
        return peer.bucket.get(keys[peer.generator(number).integers(len(keys))]) if keys else None

    def _disguised(self, peer: Actor, payload: bytes, number: int) -> bytes:
        """Return another payload that says much the same."""
        dense = flatten(peer.wire.unpack(payload).dense())
        kept = torch.from_numpy(peer.generator(number).random(dense.numel()) < self.keep)
        size = dense[dense != 0].abs().mean().nan_to_num(0.0)
        changed = dense * kept + self.noise * size * _normal(peer, number, dense)
        return peer.wire.pack(changed, peer.wire.feedback(), number)


@dataclasses.dataclass(frozen=True)
class Scaled(Behaviour):
    """Trains as it should and sends the pseudo-gradient times `factor`; -1 flips every sign."""

    factor: float = 10.0

    def change(self, peer: Actor, delta: Tensor, number: int) -> Tensor:
        """Return the multiple."""
        return self.factor * delta


@dataclasses.dataclass(frozen=True)
class Poison(Behaviour):
    """Sends one number only: `size` times the L2 norm of what it trained, at one coordinate.

    Its norm is inconspicuous at `size` 1, its effect on the one coordinate is not. `place` is where, as a
    share of the way through all parameters.
    """

    size: float = 1.0
    place: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.place < 1:
            raise ConfigError(f"Poison.place should be in [0, 1), got {self.place}")

    def change(self, peer: Actor, delta: Tensor, number: int) -> Tensor:
        """Return zeros but for the one coordinate."""
        changed = torch.zeros_like(delta)
        changed[int(self.place * delta.numel())] = self.size * delta.norm()
        return changed


@dataclasses.dataclass(frozen=True)
class Malformed(Behaviour):
    """Does not train and sends what is no compressed payload, of `kind` or of all kinds in turn (``any``)."""

    kind: str = "any"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind != "any" and self.kind not in DAMAGE:
            raise ConfigError(
                f"Malformed.kind should be any or one of {', '.join(DAMAGE)}, got {self.kind!r}"
            )

    def round(self, peer: Actor, theta: Tensor, number: int) -> bytes:
        """Return a damaged payload of zeros."""
        kind = list(DAMAGE)[number % len(DAMAGE)] if self.kind == "any" else self.kind
        return DAMAGE[kind](peer.wire.pack(torch.zeros_like(theta), peer.wire.feedback(), number))


def _other_content(payload: bytes) -> bytes:
    """Return a payload whose every content byte is inverted, lengths and checksum made to fit."""
    return reseal(payload[:HEADER_BYTES] + bytes(255 - byte for byte in payload[HEADER_BYTES:]))


DAMAGE: Mapping[str, Callable[[bytes], bytes]] = {
    "truncated": lambda payload: payload[:-1],
    "empty": lambda payload: b"",
    "doubled": lambda payload: payload + payload,
    "null bytes": lambda payload: bytes(len(payload)),
    "checksum": lambda payload: payload[:-1] + bytes([255 - payload[-1]]),
    "content": _other_content,
    "huge": lambda payload: bytes(1 << 24),
}
"""Ways to make a payload of our format one that no honest sender could have made."""


def _normal(peer: Actor, number: int, like: Tensor) -> Tensor:
    return torch.from_numpy(peer.generator(number).standard_normal(like.numel(), dtype=np.float32))
