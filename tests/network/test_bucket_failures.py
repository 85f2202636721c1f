"""A bucket that fails on the way is asked again; one that refuses says what, where and what to do."""

import socket
import subprocess
import sys
import time

import obstore
import pytest
from obstore.exceptions import GenericError, PermissionDeniedError, UnauthenticatedError

from locolab.config import ConfigError
from locolab.network import Bucket, BucketError, KeyTaken, key_of
from locolab.network.local_s3 import environment

SECRET = "wJalrXUtnFEMI-not-a-real-key"


@pytest.fixture
def nobody_there(monkeypatch):
    """A server's address at which nothing listens; it is held, so that nobody else gets it."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name, value in (environment(closed.getsockname()) | {"AWS_SECRET_ACCESS_KEY": SECRET}).items():
            monkeypatch.setenv(name, value)
        yield


def failing(monkeypatch, name, errors, arrive=False):
    """Let the first calls of an obstore function fail, after having done their work if they `arrive`."""
    real, left = getattr(obstore, name), list(errors)

    def function(*arguments, **named):
        if not left:
            return real(*arguments, **named)
        if arrive:
            real(*arguments, **named)
        raise left.pop(0)

    monkeypatch.setattr(obstore, name, function)


def test_what_fails_on_the_way_is_repeated(s3, monkeypatch):
    bucket = Bucket(s3)
    failing(monkeypatch, "put", [GenericError("connection reset")] * 2)
    bucket.put(key_of(0, 0), b"payload")
    for name, ask in (("get", bucket.get), ("head", bucket.size)):
        failing(monkeypatch, name, [GenericError("timed out")])
        assert ask(key_of(0, 0)) in (b"payload", 7)
    failing(monkeypatch, "list", [GenericError("status code: 503 Slow Down")])
    assert bucket.list() == [key_of(0, 0)]
    failing(monkeypatch, "delete", [GenericError("connection reset")])
    bucket.delete([key_of(0, 0)])
    assert bucket.list() == []


def test_an_upload_whose_answer_was_lost_is_no_conflict(s3, monkeypatch):
    bucket = Bucket(s3)
    failing(monkeypatch, "put", [GenericError("connection reset")], arrive=True)
    bucket.put(key_of(0, 0), b"payload")
    with pytest.raises(KeyTaken):
        bucket.put(key_of(0, 0), b"payload")
    failing(monkeypatch, "put", [GenericError("connection reset")])
    with pytest.raises(KeyTaken):
        bucket.put(key_of(0, 0), b"another")
    assert bucket.get(key_of(0, 0)) == b"payload"


def test_patience_ends(nobody_there):
    bucket = Bucket("s3://absent/run-1", patience=0.3)
    requests = {
        "put k into": lambda: bucket.put("k", b""),
        "read k of": lambda: bucket.get("k"),
        "list": bucket.list,
        "delete from": lambda: bucket.delete(["k"]),
    }
    for what, request in requests.items():
        began = time.monotonic()
        with pytest.raises(BucketError, match=f"could not {what} s3://absent/run-1: no answer.*check that"):
            request()
        assert 0.1 < time.monotonic() - began < 5


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name, value in environment(silent.getsockname()).items():
            monkeypatch.setenv(name, value)
        began = time.monotonic()
        with pytest.raises(BucketError, match="no answer"):
            Bucket("s3://absent", timeout=0.3, patience=0.0).get("k")
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("error", [PermissionDeniedError("403"), UnauthenticatedError("401")])
def test_a_refusal_is_not_repeated(s3, monkeypatch, error):
    failing(monkeypatch, "get", [error, AssertionError("asked again")])
    with pytest.raises(BucketError, match=r"access was refused.*check AWS_ACCESS_KEY_ID"):
        Bucket(s3).get("k")


def test_a_bucket_that_does_not_exist_is_said(server, s3):
    absent = Bucket("s3://not-there")
    with pytest.raises(BucketError, match=r"put k into s3://not-there: it does not exist.*create it"):
        absent.put("k", b"")
    with pytest.raises(BucketError, match="list s3://not-there: its server refused"):
        absent.list()


def test_no_message_holds_a_secret(nobody_there, monkeypatch):
    bucket = Bucket("s3://absent", patience=0.0)
    said = [repr(bucket), str(bucket), str(vars(bucket))]
    failing(monkeypatch, "get", [GenericError(f"signed with {SECRET} by nobody")])
    for request in (lambda: bucket.get("k"), bucket.list, lambda: bucket.put("k", b"")):
        with pytest.raises(BucketError) as caught:
            request()
        chain = [caught.value, caught.value.__cause__, caught.value.__suppress_context__]
        said += [repr(each) for each in chain]
    assert SECRET not in "".join(said)
    assert "signed with ***" in "".join(said)


@pytest.mark.parametrize("url", ["s3://key:secret@bucket", f"s3://bucket?secret={SECRET}"])
def test_credentials_in_the_url_are_refused_and_not_repeated(url):
    with pytest.raises(ConfigError, match="holds no credentials; AWS_ACCESS_KEY_ID") as caught:
        Bucket(url)
    assert "secret" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_missing_credentials_are_named(nobody_there, monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(BucketError, match="s3://bucket needs AWS_SECRET_ACCESS_KEY in the environment"):
        Bucket("s3://bucket")


def test_other_kinds_of_bucket_are_refused():
    with pytest.raises(ConfigError, match="memory://, file:///path or s3://name, not gs"):
        Bucket("gs://bucket")


def test_two_writers_of_one_key_have_one_winner(s3):
    buckets = [Bucket(s3), Bucket(s3)]
    for number in range(20):
        outcomes = []
        for writer in (0, 1) if number % 2 else (1, 0):
            try:
                buckets[writer].put(key_of(number, 0), bytes([writer]))
                outcomes.append(writer)
            except KeyTaken:
                continue
        assert buckets[0].get(key_of(number, 0)) == bytes(outcomes)


@pytest.mark.parametrize(
    "what", ["local_s3 import LocalS3; it = LocalS3()", "door import Door; it = Door(('', 1))"]
)
def test_a_server_and_a_door_end_with_their_owner(what):
    code = f"import os\nfrom locolab.network.{what}\n"
    code += "print(it.address[1], flush=True)\nos.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    port = int(done.stdout)
    for _ in range(50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                break
        time.sleep(0.1)
    else:
        pytest.fail("the server outlived the process that started it")
