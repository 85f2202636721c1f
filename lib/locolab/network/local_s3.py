"""An S3 server on this machine, for tests and for chapter 12: moto's, in a process that ends with its owner.

It keeps everything in memory, accepts any credentials and listens on the loopback address alone.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import urllib.request
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
BUCKET = "locolab"


class LocalS3:
    """A running server with one empty bucket, at the URL `url`; ``with`` ends it.

    `environment` is what clients need beside the URL: the server's address, and credentials of no value.
    """

    url = f"s3://{BUCKET}"

    def __init__(self) -> None:
        command = [sys.executable, "-m", "locolab.network.local_s3"]
        # its standard input stays open as long as we live, and closes even if we are killed
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        port = self._process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the S3 server did not start; its own words stand above")
        self.address = (HOST, int(port))
        creation = urllib.request.Request(f"http://{HOST}:{port}/{BUCKET}", method="PUT")
        urllib.request.urlopen(creation).close()

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of a client of this server."""
        return environment(self.address)

    def close(self) -> None:
        """End the server; what it stored is gone."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def environment(address: tuple[str, int]) -> dict[str, str]:
    """Return the environment of a client that reaches the server at `address`.

    >>> environment(("127.0.0.1", 9000))["AWS_ENDPOINT_URL"]
    'http://127.0.0.1:9000'
    """
    return {
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*address),
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
    }


def main() -> None:
    """Serve until standard input closes; the port goes to standard output."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for every request
    server = ThreadedMotoServer(HOST, port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
