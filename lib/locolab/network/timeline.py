"""A round in which peers differ, event by event: who computes, uploads, waits and downloads when.

The closed form (`locolab.network.link`) knows one peer. Here each has its own link, speed and payload, and a
download cannot begin before its upload has ended. Without a `window` a peer uploads as soon as it is ready,
and everybody waits for everybody. With one, computing stops at the window's end, uploads begin there (the
public code holds a payload back so that nobody can copy it), and what comes after the deadline is left out
(tplr-ai/templar v2.1.3: neurons/miner.py, src/tplr/comms.py).

Object storage is taken to be as fast as its readers: a link is busy with one payload after the other, in the
order of arrival, which ends at the same time as sharing it among them would.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import Literal

from locolab.config import Config, ConfigError
from locolab.network.link import OVERLAPS, Link, Overlap, checked

Phase = Literal["compute", "compress", "upload", "wait", "download", "aggregate", "outer"]


@dataclasses.dataclass(frozen=True)
class Participant(Config):
    """One peer in a simulated round: its link, its payload and its speed; durations in seconds."""

    link: Link = dataclasses.field(default_factory=Link)
    payload_bytes: int = 0
    compute: float = 1.0
    compress: float = 0.0
    aggregate: float = 0.0
    outer: float = 0.0
    lanes: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("payload_bytes", "compress", "aggregate", "outer"):
            checked(f"Participant.{name}", getattr(self, name), least=0)
        checked("Participant.compute", self.compute, above=0)
        checked("Participant.lanes", self.lanes, least=1)


@dataclasses.dataclass(frozen=True)
class Span:
    """What one peer did from `start` to `end`, seconds since the round began."""

    peer: int
    phase: Phase
    start: float
    end: float


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Everything that happened in a round: spans by peer and start, who came in time, how long it took."""

    spans: tuple[Span, ...]
    arrived: tuple[int, ...]
    wall: float

    def of(self, peer: int) -> tuple[Span, ...]:
        """Return the spans of one peer, by start."""
        return tuple(span for span in self.spans if span.peer == peer)

    def seconds(self, peer: int, phase: Phase) -> float:
        """Return how long a peer was in a phase."""
        return sum(span.end - span.start for span in self.of(peer) if span.phase == phase)

    def utilisation(self, peer: int) -> float:
        """Return the share of the round that a peer computed."""
        return self.seconds(peer, "compute") / self.wall


def simulate_round(
    peers: Sequence[Participant],
    *,
    window: float | None = None,
    upload_window: float | None = None,
    selected: Collection[int] | None = None,
    overlap: Overlap = "none",
) -> Timeline:
    """Return the timeline of one round; it ends when the last peer has taken its outer step.

    `window` (s): computing stops and uploads begin at its end. `upload_window` (s): how long after that a
    payload counts. `selected`: indices whose payloads are downloaded if they arrive (default: all); while one
    is missing, everybody waits for it until the deadline. `overlap="upload"`: what is uploaded, alongside
    computing, is the previous round's payload, so a download brings updates that are one round old. Raises
    ValueError for no peers, an unknown index, times that are not above 0.

    >>> fast = Participant(Link(up_mbps=16, down_mbps=40), 1_000_000, compute=4)
    >>> slow = Participant(Link(up_mbps=8, down_mbps=40), 1_000_000, compute=5)
    >>> round = simulate_round([fast, slow])
    >>> [(span.phase, span.start, span.end) for span in round.of(0)][1:]
    [('upload', 4.0, 4.5), ('download', 4.5, 4.7), ('wait', 4.7, 6.0), ('download', 6.0, 6.2),
     ('wait', 6.2, 6.4)]
    >>> round.wall, round.utilisation(1)
    (6.4, 0.78125)
    """
    wanted = _check(peers, window, upload_window, selected, overlap)
    begin = window or 0.0
    tracks = [_Track(index) for index in range(len(peers))]
    arrivals = [_until_upload(*pair, window, overlap) for pair in zip(tracks, peers, strict=True)]
    deadline = math.inf if upload_window is None else begin + upload_window
    arrived = tuple(index for index, at in enumerate(arrivals) if at <= deadline)
    queue = sorted((arrivals[index], peers[index].payload_bytes) for index in wanted & set(arrived))
    settled = deadline if wanted - set(arrived) else 0.0
    for track, peer in zip(tracks, peers, strict=True):
        track.until("wait", begin)
        _fetch(track, peer, queue)
        track.until("wait", settled)
        track.then("aggregate", peer.aggregate)
        track.then("outer", peer.outer)
    wall = max(track.now for track in tracks)
    for track in tracks:
        track.until("wait", wall)
    spans = sorted(
        (span for track in tracks for span in track.spans), key=lambda span: (span.peer, span.start)
    )
    return Timeline(tuple(spans), arrived, wall)


class _Track:
    """One peer's time, filled from the left."""

    def __init__(self, peer: int) -> None:
        self.peer, self.now = peer, 0.0
        self.spans: list[Span] = []

    def until(self, phase: Phase, end: float) -> None:
        """Be in `phase` until `end`; nothing happens if that has passed."""
        if end > self.now:
            self.spans.append(Span(self.peer, phase, self.now, end))
            self.now = end

    def then(self, phase: Phase, seconds: float) -> None:
        self.until(phase, self.now + seconds)


def _until_upload(track: _Track, peer: Participant, window: float | None, overlap: Overlap) -> float:
    """Return when the payload has arrived; fills the track up to there, or to compression if it is hidden."""
    seconds = peer.link.upload_seconds(peer.payload_bytes, peer.lanes)
    track.then("compute", peer.compute if window is None else min(peer.compute, window))
    track.then("compress", peer.compress)
    if overlap == "upload":
        track.spans.append(Span(track.peer, "upload", 0.0, seconds))
        return seconds
    track.until("wait", window or 0.0)
    track.then("upload", seconds)
    return track.now


def _fetch(track: _Track, peer: Participant, queue: Sequence[tuple[float, int]]) -> None:
    """Download payloads as they arrive; requests overlap: a round trip shows only where the link was idle."""
    began = track.now
    for arrival, n_bytes in queue:
        track.until("wait", arrival)
        first_byte = max(began, arrival) + peer.link.rtt
        moving = peer.link.download_seconds(n_bytes, peer.lanes) - peer.link.rtt
        track.until("download", max(track.now, first_byte) + moving)


def _check(
    peers: Sequence[Participant],
    window: float | None,
    upload_window: float | None,
    selected: Collection[int] | None,
    overlap: Overlap,
) -> set[int]:
    """Return the indices to download, after checking what the simulation was given."""
    everybody = set(range(len(peers)))
    wanted = everybody if selected is None else set(selected)
    if not peers or wanted - everybody:
        raise ConfigError(
            f"selected names {sorted(wanted - everybody)}, there are {len(peers)} peers from index 0"
        )
    if overlap not in OVERLAPS:
        raise ConfigError(f"overlap should be one of {', '.join(map(repr, OVERLAPS))}, got {overlap!r}")
    if window is not None:
        checked("window", window, above=0)
    if upload_window is not None:
        checked("upload_window", upload_window, above=0)
        if window is None:
            raise ConfigError("upload_window counts from the end of a window; give a window too")
    return wanted
