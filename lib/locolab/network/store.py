"""Object storage over HTTP in this process: the far end of a path that is measured.

A link needs two ends with a socket between them, and memory or a folder has none. This server keeps objects
in memory and speaks the few words of S3 that `Bucket` needs to write once and read, so that the client is the
same as against real storage. It is made of the standard library, because a notebook should not need what only
tests install (moto). It checks no credentials and can be reached from this machine only.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from unittest import mock

from locolab.network.bucket import CREDENTIALS, Bucket

BUCKET = "payloads"


class ObjectServer:
    """A store of objects at `address`, running in threads between ``with`` and its end.

    >>> with ObjectServer() as server:
    ...     bucket = bucket_at(server.address)
    ...     bucket.put("round-000000/peer-0001", b"payload")
    ...     bucket.get("round-000000/peer-0001"), list(server.objects)
    (b'payload', ['/payloads/round-000000/peer-0001'])
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        handler = type("Handler", (_Handler,), {"objects": self.objects})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.address: tuple[str, int] = ("127.0.0.1", self._server.server_port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def place(self, key: str, data: bytes) -> None:
        """Store an object without sending it anywhere: what another peer has uploaded."""
        self.objects[f"/{BUCKET}/{key}"] = data

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def bucket_at(address: tuple[str, int]) -> Bucket:
    """Return the bucket of the server at `address`, or at the far end of a path there; nothing is signed."""
    host, port = address
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": "auto",
        "AWS_SKIP_SIGNATURE": "true",
        **dict.fromkeys(CREDENTIALS, "none needed"),
    }
    with mock.patch.dict(os.environ, settings):  # the client reads them once, when it is made
        return Bucket(f"s3://{BUCKET}")


class _Server(ThreadingHTTPServer):
    """The library's server with room for every connection of a round that is still to be accepted."""

    request_queue_size = 1024
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    """One connection: objects put once, read whole, asked for."""

    objects: dict[str, bytes]
    protocol_version = "HTTP/1.1"  # connections stay open
    disable_nagle_algorithm = True  # else the head of an answer and its body wait for each other

    def handle(self) -> None:
        """Serve a connection until it ends, in whatever way."""
        with suppress(ConnectionError):
            super().handle()

    def do_PUT(self) -> None:
        size = int(self.headers["Content-Length"])
        data = self.rfile.read(size)
        if len(data) < size:  # the client is gone; half an object is none
            self.close_connection = True
            return
        create = self.headers.get("If-None-Match") == "*"
        taken = create and self.objects.setdefault(self.path, data) is not data
        if not create:
            self.objects[self.path] = data
        self._answer(412 if taken else 200)

    def do_GET(self) -> None:
        found = self.objects.get(self.path)
        self._answer(404 if found is None else 200, found or b"")

    do_HEAD = do_GET  # noqa: N815 - the name that the library calls

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: a notebook's output is not a server's log."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
