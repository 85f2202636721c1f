"""Object storage as the peers see it: bytes under names that can be written once."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, MemoryStore, from_url


class KeyTaken(ValueError):  # noqa: N818 - reads as a statement where it is caught
    """Something lies under this key already; a payload, once uploaded, cannot be exchanged."""


def round_prefix(number: int) -> str:
    """Return what the keys of a round begin with; names sort in the order of the rounds."""
    return f"round-{number:06d}"


def key_of(number: int, peer: int, step: int | None = None) -> str:
    """Return the one key under which a peer's payload of a round lies.

    `step` numbers the exchanges of a method that communicates at every inner step.

    >>> key_of(12, 3), key_of(0, 1, 14)
    ('round-000012/peer-0003', 'round-000000/peer-0001/step-0014')
    """
    key = f"{round_prefix(number)}/peer-{peer:04d}"
    return key if step is None else f"{key}/step-{step:04d}"


class Bucket:
    """A write-once bucket in memory, in a folder (``file:///path``) or at any URL obstore opens.

    >>> bucket = Bucket()
    >>> bucket.put(key_of(0, 1), b"payload")
    >>> bucket.get("round-000000/peer-0001"), bucket.list("round-000000")
    (b'payload', ['round-000000/peer-0001'])
    >>> bucket.put(key_of(0, 1), b"another")
    Traceback (most recent call last):
    locolab.network.bucket.KeyTaken: round-000000/peer-0001 has been written already
    """

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        self._store = _open(url)

    def put(self, key: str, data: bytes) -> None:
        """Store `data`; raises KeyTaken if the key exists, whatever lies there."""
        try:
            obstore.put(self._store, key, data, mode="create")
        except AlreadyExistsError:
            raise KeyTaken(f"{key} has been written already") from None

    def get(self, key: str) -> bytes:
        """Return the bytes under `key`; raises KeyError if there are none."""
        try:
            return obstore.get(self._store, key).bytes().to_bytes()
        except FileNotFoundError:
            raise KeyError(key) from None

    def size(self, key: str) -> int:
        """Return the number of bytes under `key` without fetching them; raises KeyError."""
        return int(self._head(key)["size"])

    def modified(self, key: str) -> datetime.datetime:
        """Return when `key` was written, by the bucket's clock (UTC); raises KeyError."""
        return self._head(key)["last_modified"]

    def list(self, prefix: str = "") -> list[str]:
        """Return the sorted keys below `prefix`, which names whole path segments."""
        return sorted(
            item["path"] for page in obstore.list(self._store, prefix=prefix or None) for item in page
        )

    def delete(self, keys: Iterable[str]) -> None:
        """Remove keys that exist: what a bucket's owner does with rounds nobody needs any more."""
        if names := list(keys):
            obstore.delete(self._store, names)

    def _head(self, key: str) -> obstore.ObjectMeta:
        try:
            return obstore.head(self._store, key)
        except FileNotFoundError:
            raise KeyError(key) from None


def _open(url: str) -> obstore.store.ObjectStore:
    if url == "memory://":
        return MemoryStore()
    if url.startswith("file://"):
        return LocalStore(Path(url.removeprefix("file://")), mkdir=True)
    return from_url(url)
