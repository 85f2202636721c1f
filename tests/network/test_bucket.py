"""Buckets of all three kinds keep what was written first, and say clearly what is not there."""

import datetime

import pytest

from locolab.network import Bucket, KeyTaken, key_of, round_prefix


@pytest.fixture(params=["memory", "folder", "s3"])
def bucket(request, tmp_path):
    if request.param == "s3":
        return Bucket(request.getfixturevalue("s3"))
    return Bucket() if request.param == "memory" else Bucket(f"file://{tmp_path}/bucket")


def test_a_payload_comes_back_as_it_was_put(bucket):
    data = bytes(range(256)) * 100
    bucket.put(key_of(3, 1), data)
    assert bucket.get(key_of(3, 1)) == data
    assert bucket.size(key_of(3, 1)) == len(data)
    age = datetime.datetime.now(datetime.UTC) - bucket.modified(key_of(3, 1))
    assert abs(age.total_seconds()) < 60


def test_an_empty_payload_is_a_payload(bucket):
    bucket.put("round-000000/peer-0000", b"")
    assert bucket.get("round-000000/peer-0000") == b""


def test_the_first_writer_wins(bucket):
    bucket.put("round-000000/peer-0000", b"first")
    with pytest.raises(KeyTaken, match="round-000000/peer-0000"):
        bucket.put("round-000000/peer-0000", b"second")
    assert bucket.get("round-000000/peer-0000") == b"first"


def test_absent_keys_are_key_errors(bucket):
    for ask in (bucket.get, bucket.size, bucket.modified):
        with pytest.raises(KeyError, match="round-000009"):
            ask("round-000009/peer-0000")


def test_list_and_delete_work_by_round(bucket):
    for number in (0, 1):
        for peer in (1, 0):
            bucket.put(key_of(number, peer), b"x")
    assert bucket.list(round_prefix(1)) == [key_of(1, 0), key_of(1, 1)]
    assert bucket.list("round-00000") == []
    bucket.delete(bucket.list(round_prefix(0)))
    assert bucket.list() == [key_of(1, 0), key_of(1, 1)]
    bucket.delete([])
    assert len(bucket.list()) == 2


def test_a_folder_bucket_outlives_its_object(tmp_path):
    Bucket(f"file://{tmp_path}/bucket").put("round-000000/peer-0000", b"kept")
    assert Bucket(f"file://{tmp_path}/bucket").get("round-000000/peer-0000") == b"kept"
