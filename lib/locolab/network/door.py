"""The way to a server as a process that can be killed, while what lies behind it stays."""

from __future__ import annotations

import os
import subprocess
import sys
from types import TracebackType
from typing import Self

from locolab.network.link import Link
from locolab.network.local_s3 import environment
from locolab.network.shaped import ShapedPath

FAST = Link(up_mbps=100_000, down_mbps=100_000)
"""Faster than this machine: no limit."""


class Door:
    """A path to the server at `target` over `link`, in a process of its own; ``with`` ends it.

    `address` stays the same after `kill` and `open`, so clients find it again.
    """

    def __init__(self, target: tuple[str, int], link: Link = FAST) -> None:
        self.address = ("127.0.0.1", 0)
        self._target = target
        self._rates = (link.up_mbps, link.down_mbps, link.rtt_ms)
        self.open()

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of a client that comes through here."""
        return environment(self.address)

    def open(self) -> None:
        """Start the process; returns when it listens."""
        words = map(str, (*self._target, self.address[1], *self._rates))
        command = [sys.executable, "-m", "locolab.network.door", *words]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.address = ("127.0.0.1", int(self._process.stdout.readline()))

    def kill(self) -> None:
        """End the process at once, with every connection through it."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def main(host: str, port: str, own_port: str, up: str, down: str, rtt: str) -> None:
    """Carry connections until standard input closes; the own port goes to standard output."""
    path = ShapedPath((host, int(port)), Link(float(up), float(down), float(rtt)))
    path.address = ("127.0.0.1", int(own_port))
    with path:
        print(path.address[1], flush=True)
        while os.read(0, 4096):
            pass
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
