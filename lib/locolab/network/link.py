"""The closed form of a round on a link: seconds to send and to fetch payloads, the share left for computing.

A transfer takes ``8 * bytes / rate + rtt``. That leaves out what a connection does beside moving bytes: TCP's
slow start (a few round trips until it fills the link), repeats after losses, TLS, looking up names, queues at
the storage. It is therefore a lower bound, close for gigabytes and loose for a megabyte.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

from locolab.config import Config, ConfigError

Overlap = Literal["none", "upload"]
OVERLAPS: tuple[Overlap, ...] = ("none", "upload")


@dataclasses.dataclass(frozen=True)
class Link(Config):
    """A peer's connection: megabits per second each way, round-trip time, share that is payload.

    The default rates are those that no node exceeds in arXiv 2603.08163, section 4.3, which names no
    round-trip time. `goodput` is the payload's share of the rate: about 0.96 for TCP in 1500-byte packets.

    >>> Link(up_mbps=8, down_mbps=40, rtt_ms=100).upload_seconds(1_000_000)
    1.1
    """

    up_mbps: float = 110.0
    down_mbps: float = 500.0
    rtt_ms: float = 0.0
    goodput: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        checked("Link.up_mbps", self.up_mbps, above=0)
        checked("Link.down_mbps", self.down_mbps, above=0)
        checked("Link.rtt_ms", self.rtt_ms, least=0)
        if checked("Link.goodput", self.goodput, above=0) > 1:
            raise ConfigError(f"Link.goodput is a share of the rate, at most 1, got {self.goodput!r}")

    @property
    def rtt(self) -> float:
        """Round-trip time, seconds."""
        return self.rtt_ms / 1000

    def upload_seconds(self, n_bytes: float, lanes: int = 1) -> float:
        """Return how long `n_bytes` take to go up over `lanes` such links side by side, and be confirmed."""
        return 8 * n_bytes / (self.up_mbps * 1e6 * self.goodput * lanes) + self.rtt

    def download_seconds(self, n_bytes: float, lanes: int = 1) -> float:
        """Return how long `n_bytes`, requested at once, take to come down over `lanes` such links."""
        return 8 * n_bytes / (self.down_mbps * 1e6 * self.goodput * lanes) + self.rtt


@dataclasses.dataclass(frozen=True)
class RoundTimes:
    """Seconds of one round at one peer, and what part of it is spent on inner steps."""

    upload: float
    download: float
    communication: float
    utilisation: float


def round_times(
    payload_bytes: float,
    contributors: float,
    link: Link,
    compute_seconds: float,
    lanes: int = 1,
    overlap: Overlap = "none",
) -> RoundTimes:
    """Return the seconds of upload, download and communication in a round, and utilisation.

    Utilisation is compute / (compute + communication). A peer uploads one payload and downloads those of all
    `contributors`, its own included, as the public code does (tplr-ai/templar v2.1.3, src/tplr/comms.py);
    `contributors` may be an average such as 16.9. `lanes` links work side by side. `overlap="upload"` hides
    the upload behind computing: only what takes longer than computing remains. Raises ValueError for anything
    but finite numbers in their range, a Link and a known overlap.

    >>> times = round_times(10_000_000, 4, Link(up_mbps=8, down_mbps=40), compute_seconds=162)
    >>> times
    RoundTimes(upload=10.0, download=8.0, communication=18.0, utilisation=0.9)
    """
    checked("payload_bytes", payload_bytes, least=0)
    checked("contributors", contributors, least=0)
    checked("compute_seconds", compute_seconds, least=0)
    _check_lanes(lanes)
    if not isinstance(link, Link):
        raise ConfigError(f"link should be a Link(up_mbps, down_mbps, rtt_ms), got {type(link).__name__}")
    if overlap not in OVERLAPS:
        raise ConfigError(f"overlap should be one of {', '.join(map(repr, OVERLAPS))}, got {overlap!r}")
    upload = link.upload_seconds(payload_bytes, lanes)
    download = link.download_seconds(payload_bytes * contributors, lanes)
    hidden = compute_seconds if overlap == "upload" else 0.0
    communication = download + max(0.0, upload - hidden)
    if compute_seconds + communication == 0:
        raise ConfigError(
            "a round that takes no time has no utilisation; compute_seconds or bytes should be > 0"
        )
    share = compute_seconds / (compute_seconds + communication)
    return RoundTimes(upload, download, communication, share)


def all_reduce_seconds(vector_bytes: float, n_peers: int, link: Link, lanes: int = 1) -> float:
    """Return how long a ring all-reduce of a dense vector takes, the slower direction of the link deciding.

    Each of 2 * (n - 1) steps passes one n-th of the vector to the next peer, half a round trip away.

    >>> all_reduce_seconds(1_000_000, 5, Link(up_mbps=8, down_mbps=40))
    1.6
    """
    checked("vector_bytes", vector_bytes, least=0)
    checked("n_peers", n_peers, least=1)
    _check_lanes(lanes)
    rate = min(link.up_mbps, link.down_mbps) * 1e6 * link.goodput * lanes
    return 2 * (n_peers - 1) * (8 * vector_bytes / n_peers / rate + link.rtt / 2)


def break_even_mbps(
    up_bytes: float, down_bytes: float, compute_seconds: float, utilisation: float, up_per_down: float
) -> float:
    """Return the download rate (Mbit/s) at which a round reaches `utilisation`, upload then download.

    `up_per_down` is the upload rate as a share of it; round trips are not counted.

    >>> round(break_even_mbps(10e6, 40e6, compute_seconds=162, utilisation=0.9, up_per_down=0.2), 9)
    40.0
    """
    checked("up_bytes", up_bytes, least=0)
    checked("down_bytes", down_bytes, least=0)
    checked("compute_seconds", compute_seconds, above=0)
    checked("up_per_down", up_per_down, above=0)
    if checked("utilisation", utilisation, above=0) >= 1:
        raise ConfigError(f"utilisation is a share below 1, got {utilisation!r}")
    allowed = compute_seconds * (1 - utilisation) / utilisation
    return 8 * (down_bytes + up_bytes / up_per_down) / allowed / 1e6


def checked(name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf) -> float:
    """Return `value`; raises ConfigError unless it is a finite number, at least `least` and above `above`.

    >>> checked("rate", float("nan"), above=0)
    Traceback (most recent call last):
    locolab.config.ConfigError: rate should be a finite number above 0, got nan
    """
    limit = f" above {above:g}" if above > -math.inf else f" of at least {least:g}" * (least > -math.inf)
    try:
        good = math.isfinite(value) and value >= least and value > above
    except (TypeError, OverflowError):
        good = False
    if not good:
        raise ConfigError(f"{name} should be a finite number{limit}, got {value!r}")
    number: float = value
    return number


def _check_lanes(lanes: Any) -> None:
    if checked("lanes", lanes, least=1) != int(lanes):
        raise ConfigError(f"lanes counts links, so it should be a whole number, got {lanes!r}")
