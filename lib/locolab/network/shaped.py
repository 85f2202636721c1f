"""A path of limited rate and with a delay, in user space, through which real bytes move.

A TCP proxy on this machine stands in front of any bucket server. Everything from the client shares one queue
of the upload rate, everything to it one of the download rate, and each piece arrives half a round trip after
it has left its queue. No privileges and no kernel module are needed (many kernels come without ``netem``).

The queue is a token bucket without a burst, reckoned instead of slept: when a piece leaves follows from the
pieces before it, not from when the proxy gets to run. Pieces are read ahead of their moment, so a pause of
this process shorter than `AHEAD` costs nothing.

Left out: both ends speak TCP with the proxy next door, so neither slow start nor loss is seen, and opening a
connection costs no round trip.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from locolab.network.link import Link

PIECE = 256 * 1024
"""Bytes that are read and sent together."""
AHEAD = 0.2
"""Seconds that a piece may be read before it leaves."""


class Pace:
    """When bytes leave a queue of a fixed rate (megabits per second).

    >>> pace = Pace(8)
    >>> pace.leaves(1_000_000, now=5.0), pace.leaves(500_000, now=5.1), pace.leaves(500_000, now=9.0)
    (6.0, 6.5, 9.5)
    """

    def __init__(self, mbps: float) -> None:
        self._seconds_per_byte = 8 / (mbps * 1e6)
        self._free = 0.0

    def leaves(self, n_bytes: int, now: float) -> float:
        """Return when the last of `n_bytes`, which come `now`, is through; the queue is busy until then."""
        self._free = max(self._free, now) + n_bytes * self._seconds_per_byte
        return self._free


class ShapedPath:
    """A way to the server at `target` over `link`: connect to `address` instead, inside ``with``.

    Connections that either side drops end quietly, as on any network; the other side sees them closed.
    """

    def __init__(self, target: tuple[str, int], link: Link) -> None:
        self.target, self.link = target, link
        self.address: tuple[str, int] = ("127.0.0.1", 0)
        self._up, self._down = Pace(link.up_mbps * link.goodput), Pace(link.down_mbps * link.goodput)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        connections: set[asyncio.Task[None]] = set()
        with socket.create_server(self.address, backlog=1024) as listener:
            listener.setblocking(False)
            self.address = listener.getsockname()
            self._ready.set()
            accepting = asyncio.create_task(self._accept(listener, connections))
            await self._stop.wait()
            for task in (accepting, *connections):
                task.cancel()
            await asyncio.gather(accepting, *connections, return_exceptions=True)

    async def _accept(self, listener: socket.socket, connections: set[asyncio.Task[None]]) -> None:
        while True:
            client, _ = await self._loop.sock_accept(listener)
            task = asyncio.create_task(self._connect(client))
            connections.add(task)
            task.add_done_callback(connections.discard)

    async def _connect(self, client: socket.socket) -> None:
        """Carry one connection both ways until both sides have closed or one is gone."""
        with client, socket.socket() as server, suppress(OSError):  # refused, reset, no longer connected
            for end in (client, server):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.sock_connect(server, self.target)
            ways = [
                asyncio.create_task(_carry(client, server, self._up, self.link.rtt / 2)),
                asyncio.create_task(_carry(server, client, self._down, self.link.rtt / 2)),
            ]
            try:
                await asyncio.gather(*ways)
            finally:  # one way that breaks ends the other
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)


async def _carry(source: socket.socket, sink: socket.socket, pace: Pace, delay: float) -> None:
    """Move bytes one way: read ahead at the link's pace, deliver each piece when it has arrived."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    delivery = asyncio.create_task(_deliver(under_way, sink))
    try:
        while data := await loop.sock_recv(source, PIECE):
            leaves = pace.leaves(len(data), loop.time())
            under_way.put_nowait((leaves + delay, data))
            await asyncio.sleep(leaves - AHEAD - loop.time())
        under_way.put_nowait((loop.time() + delay, b""))
        await delivery
    finally:
        delivery.cancel()


async def _deliver(under_way: asyncio.Queue[tuple[float, bytes]], sink: socket.socket) -> None:
    """Write pieces at their moments; an empty one closes this direction."""
    loop = asyncio.get_running_loop()
    while True:
        moment, data = await under_way.get()
        await asyncio.sleep(moment - loop.time())
        if not data:
            return sink.shutdown(socket.SHUT_WR)
        await loop.sock_sendall(sink, data)
