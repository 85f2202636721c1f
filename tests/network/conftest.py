"""An S3 server for a session of tests, started when the first of them asks for it."""

import pytest

from locolab.network.local_s3 import LocalS3


@pytest.fixture(scope="session")
def server():
    with LocalS3() as running:
        yield running


@pytest.fixture
def s3(server, monkeypatch, tmp_path):
    """The URL of an empty place in the bucket; the environment names the server."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return f"{server.url}/{tmp_path.name}"
