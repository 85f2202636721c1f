"""A peer's communication carried out: its payload goes up, everybody's come down, over a shaped path."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from locolab.config import ConfigError
from locolab.network.bucket import Bucket, key_of
from locolab.network.link import Link
from locolab.network.shaped import ShapedPath
from locolab.network.store import ObjectServer, bucket_at

WARM_UP = 1024
"""Bytes of a payload that opens the connections before anything is timed."""


@dataclasses.dataclass(frozen=True)
class Exchange:
    """Seconds that one round took at the peer that was measured; `objects` is what it put into the bucket."""

    compute: float
    upload: float
    download: float
    objects: int

    @property
    def communication(self) -> float:
        """Upload and download, one after the other."""
        return self.upload + self.download

    @property
    def utilisation(self) -> float:
        """The share of the round that was left for computing."""
        return self.compute / (self.compute + self.communication)


def measure_rounds(
    link: Link,
    payload_bytes: int,
    contributors: int,
    repetitions: int = 1,
    lanes: int = 1,
    compute_seconds: float = 0.0,
) -> Iterator[Exchange]:
    """Yield measured rounds of one peer: wait for `compute_seconds`, upload, download all payloads at once.

    The bytes go through `lanes` shaped paths to an HTTP server in this process, by the client that real
    object storage gets; with more than one lane a payload is cut into as many objects. The other peers'
    payloads lie there already. Computing is a wait: other machines would do it. Raises ValueError for less
    than one byte a lane or no contributor.
    """
    if contributors < 1 or lanes < 1 or payload_bytes < lanes:
        raise ConfigError(
            "a round has at least one contributor, one lane and one byte for each lane, got "
            f"payload_bytes={payload_bytes}, lanes={lanes}, contributors={contributors}"
        )
    with ExitStack() as stack:
        server = stack.enter_context(ObjectServer())
        paths = [stack.enter_context(ShapedPath(server.address, link)) for _ in range(lanes)]
        buckets = [bucket_at(path.address) for path in paths]
        workers = stack.enter_context(ThreadPoolExecutor(lanes * contributors))
        for number in range(repetitions + 1):
            size = payload_bytes if number else max(WARM_UP, lanes)
            payload = random.Random(number).randbytes(size)
            parts = [payload[lane::lanes] for lane in range(lanes)]
            found = _round(server, buckets, workers, number, parts, contributors, number and compute_seconds)
            if number:
                yield found


def _round(
    server: ObjectServer,
    buckets: Sequence[Bucket],
    workers: ThreadPoolExecutor,
    number: int,
    parts: Sequence[bytes],
    contributors: int,
    compute_seconds: float,
) -> Exchange:
    """Return the times of one round; raises ValueError if other bytes come back than were put."""
    lanes = range(len(parts))
    server.objects.clear()
    for peer in range(1, contributors):
        for lane in lanes:
            server.place(_key(number, peer, lane, len(parts)), parts[lane])
    before = len(server.objects)
    began = time.perf_counter()
    time.sleep(compute_seconds)
    computed = time.perf_counter()
    puts = [workers.submit(buckets[i].put, _key(number, 0, i, len(parts)), parts[i]) for i in lanes]
    for put in puts:
        put.result()
    uploaded = time.perf_counter()
    objects = len(server.objects) - before
    wanted = [(lane, _key(number, peer, lane, len(parts))) for peer in range(contributors) for lane in lanes]
    gets = [workers.submit(buckets[lane].get, key) for lane, key in wanted]
    blobs = [get.result() for get in gets]
    downloaded = time.perf_counter()
    if any(blob != parts[lane] for (lane, _), blob in zip(wanted, blobs, strict=True)):
        raise ValueError(f"round {number}: a payload came back changed")
    return Exchange(computed - began, uploaded - computed, downloaded - uploaded, objects)


def _key(number: int, peer: int, lane: int, lanes: int) -> str:
    return key_of(number, peer, lane if lanes > 1 else None)
