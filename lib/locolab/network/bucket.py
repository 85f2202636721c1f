"""Object storage as the peers see it: bytes under names that can be written once."""

from __future__ import annotations

import datetime
import itertools
import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    GenericError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, MemoryStore, S3Store

from locolab.config import ConfigError

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""What the environment has to hold for ``s3://``; nothing else is ever asked for them."""

_SECRETS = (*CREDENTIALS, "AWS_SESSION_TOKEN")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_REFUSAL = re.compile(r"status code: 4(?!08|29)")  # all but "took too long" and "too many requests"
_T = TypeVar("_T")


class KeyTaken(ValueError):  # noqa: N818 - reads as a statement where it is caught
    """Something lies under this key already; a payload, once uploaded, cannot be exchanged."""


class BucketError(OSError):
    """The bucket did not answer in time, or does not let this process do what it asked for."""


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
    """A write-once bucket in memory, in a folder (``file:///path``) or behind S3's interface (``s3://name``).

    Of S3 the environment names the credentials and the server (``AWS_ENDPOINT_URL``; the region is
    ``AWS_REGION``; ``AWS_SKIP_SIGNATURE=true`` signs nothing); ``s3://name/run-1`` keeps to the keys below
    ``run-1``. A request may take `timeout` seconds; one that fails on the way is repeated for `patience`
    seconds, with growing pauses.

    >>> bucket = Bucket()
    >>> bucket.put(key_of(0, 1), b"payload")
    >>> bucket.get("round-000000/peer-0001"), bucket.list("round-000000")
    (b'payload', ['round-000000/peer-0001'])
    >>> bucket.put(key_of(0, 1), b"another")
    Traceback (most recent call last):
    locolab.network.bucket.KeyTaken: round-000000/peer-0001 has been written already
    """

    def __init__(self, url: str = "memory://", timeout: float = 60.0, patience: float = 20.0) -> None:
        self._store = _open(url, timeout)
        self.url = url
        self._patience = patience if isinstance(self._store, S3Store) else 0.0

    def __repr__(self) -> str:
        return f"Bucket({self.url!r})"

    def put(self, key: str, data: bytes) -> None:
        """Store `data`; raises KeyTaken if the key exists, whatever lies there."""
        attempts = itertools.count(1)

        def request() -> None:
            attempt = next(attempts)
            try:
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                # an attempt that seemed to fail may have arrived: then our own bytes lie there
                if attempt == 1 or self.get(key) != data:
                    raise KeyTaken(f"{key} has been written already") from None

        self._ask(f"put {key} into", request)

    def get(self, key: str) -> bytes:
        """Return the bytes under `key`; raises KeyError if there are none."""
        return self._ask_for(key, lambda: obstore.get(self._store, key).bytes().to_bytes())

    def size(self, key: str) -> int:
        """Return the number of bytes under `key` without fetching them; raises KeyError."""
        return int(self._head(key)["size"])

    def modified(self, key: str) -> datetime.datetime:
        """Return when `key` was written, by the bucket's clock (UTC); raises KeyError."""
        return self._head(key)["last_modified"]

    def list(self, prefix: str = "") -> list[str]:
        """Return the sorted keys below `prefix`, which names whole path segments."""

        def request() -> list[str]:
            pages = obstore.list(self._store, prefix=prefix or None)
            return sorted(item["path"] for page in pages for item in page)

        return self._ask("list", request)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove keys that exist: what a bucket's owner does with rounds nobody needs any more."""
        if names := list(keys):
            self._ask("delete from", lambda: obstore.delete(self._store, names))

    def _head(self, key: str) -> obstore.ObjectMeta:
        return self._ask_for(key, lambda: obstore.head(self._store, key))

    def _ask_for(self, key: str, request: Callable[[], _T]) -> _T:
        """Return what is known of `key`; raises KeyError where there is nothing."""

        def found() -> _T:
            try:
                return request()
            except FileNotFoundError:
                raise KeyError(key) from None

        return self._ask(f"read {key} of", found)

    def _ask(self, what: str, request: Callable[[], _T]) -> _T:
        """Return what `request` gives, repeating it while the store does not answer and patience lasts."""
        end, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        while True:
            try:
                return request()
            except (PermissionDeniedError, UnauthenticatedError) as error:
                advice = f"check {' and '.join(CREDENTIALS)}, and what the bucket's policy lets them do"
                raise self._error(what, "access was refused", error, advice) from None
            except FileNotFoundError as error:
                raise self._error(what, "it does not exist", error, "create it first") from None
            except GenericError as error:
                if _REFUSAL.search(str(error)):
                    raise self._error(what, "its server refused", error, "check the name") from None
                if time.monotonic() + pause > end:
                    advice = "check that its server runs and that this machine reaches it"
                    raise self._error(what, "no answer", error, advice) from None
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _error(self, what: str, why: str, error: Exception, advice: str) -> BucketError:
        detail = str(error).partition("\n")[0].partition(": <?xml")[0]
        return BucketError(_without_secrets(f"could not {what} {self.url}: {why} ({detail}); {advice}"))


def _open(url: str, timeout: float) -> obstore.store.ObjectStore:
    scheme = url.partition("://")[0]
    if url == "memory://":
        return MemoryStore()
    if scheme == "file":
        return LocalStore(Path(url.removeprefix("file://")), mkdir=True)
    if scheme == "s3":
        return _open_s3(url, timeout)
    raise ConfigError(f"a bucket is memory://, file:///path or s3://name, not {scheme}://...")


def _open_s3(url: str, timeout: float) -> S3Store:
    """Return the store behind ``s3://name``, which never repeats a request by itself."""
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query:
        raise ConfigError(f"a bucket's URL holds no credentials; {' and '.join(CREDENTIALS)} do")
    # without them the client would ask the network address where clouds keep a machine's credentials
    missing = [name for name in CREDENTIALS if not os.environ.get(name)]
    if missing and os.environ.get("AWS_SKIP_SIGNATURE") != "true":
        raise BucketError(f"{url} needs {' and '.join(missing)} in the environment")
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    seconds = datetime.timedelta(seconds=timeout)
    return S3Store.from_url(
        url,
        client_options={"timeout": seconds, "connect_timeout": seconds, "allow_http": plain},
        retry_config={"max_retries": 0},
    )


def _without_secrets(text: str) -> str:
    for secret in filter(None, map(os.environ.get, _SECRETS)):
        text = text.replace(secret, "***")
    return text
