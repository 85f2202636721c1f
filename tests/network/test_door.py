"""A door can be shut for everybody and opened again, at the same address, with everything still behind it."""

from __future__ import annotations

import pytest

from locolab.network import Bucket, BucketError
from locolab.network.door import Door


def test_what_lies_behind_a_killed_door_is_there_when_it_opens_again(server, s3, monkeypatch):
    with Door(server.address) as door:
        for name, value in door.environment.items():
            monkeypatch.setenv(name, value)
        bucket, address = Bucket(s3, patience=0.0), door.address
        bucket.put("key", b"kept")
        door.kill()
        with pytest.raises(BucketError, match="no answer"):
            bucket.get("key")
        door.open()
        assert door.address == address != server.address
        assert Bucket(s3).get("key") == b"kept"
    with pytest.raises(BucketError, match="no answer"):
        bucket.get("key")
