"""A server that checks who asks: Ceph's radosgw. Real authentication, policies, an end in mid-upload."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
import uuid

import pytest

from locolab.network import Bucket, BucketError, KeyTaken, key_of

PACKAGES = "apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not shutil.which("radosgw") or not shutil.which("ceph-osd"), reason=PACKAGES),
]
CONF = """[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon}
auth cluster required = none
auth service required = none
auth client required = none
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
run dir = {dir}
log file = {dir}/$name.log
admin socket = {dir}/$name.asok
mon data = {dir}/mon
osd data = {dir}/osd
rgw data = {dir}/rgw
rgw frontends = beast endpoint=127.0.0.1:{rgw}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Radosgw:
    """A monitor, a store in memory and the gateway before it; the gateway alone can be killed."""

    def __init__(self, folder):
        self.port = free_port()
        self.conf = folder / "ceph.conf"
        facts = {"fsid": uuid.uuid4(), "mon": free_port(), "rgw": self.port, "dir": folder}
        self.conf.write_text(CONF.format(**facts))
        for name in ("mon", "osd", "rgw"):
            (folder / name).mkdir()
        self._processes = []
        monmap = str(folder / "monmap")
        address = f"[v1:127.0.0.1:{facts['mon']}]"
        subprocess.run(
            ["monmaptool", "--create", "--addv", "a", address, "--fsid", str(facts["fsid"]), monmap],
            check=True,
            capture_output=True,
        )
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        self.start("ceph-mon", "-i", "a", "-f")
        osd = str(uuid.uuid4())
        self.run("ceph", "osd", "new", osd)
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.start("ceph-osd", "-i", "0", "-f")
        self.open()

    def run(self, program, *words):
        """Return what a command says."""
        done = subprocess.run(
            [program, "-c", str(self.conf), *words], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def start(self, program, *words):
        log = (self.conf.parent / f"{program}.out").open("wb")
        self._processes.append(
            subprocess.Popen([program, "-c", str(self.conf), *words], stdout=log, stderr=log)
        )
        return self._processes[-1]

    def open(self):
        """Start the gateway and wait until it listens."""
        self.gateway = self.start("radosgw", "-n", "client.rgw", "-f")
        for _ in range(600):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
            assert self.gateway.poll() is None, "radosgw ended"
            time.sleep(0.1)
        pytest.fail("radosgw does not listen")

    def user(self, name):
        """Return the environment of a new user."""
        self.run(
            "radosgw-admin", "user", "create", f"--uid={name}", f"--display-name={name}",
            f"--access-key={name}-key", f"--secret-key={name}-secret",
        )  # fmt: skip
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": f"{name}-key",
            "AWS_SECRET_ACCESS_KEY": f"{name}-secret",
            "AWS_REGION": "us-east-1",
        }

    def close(self):
        for process in reversed(self._processes):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    server = Radosgw(tmp_path_factory.mktemp("ceph"))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def users(gateway):
    """The owner of the bucket and two peers: all may read everything, a peer writes only its own keys."""
    boto3 = pytest.importorskip("boto3", reason="boto3 sets the policy; it comes with moto")
    users = {name: gateway.user(name) for name in ("owner", "peer0", "peer1")}
    owner = users["owner"]
    client = boto3.client(
        "s3",
        endpoint_url=owner["AWS_ENDPOINT_URL"],
        aws_access_key_id=owner["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=owner["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="run")

    def allow(names, actions, resources):
        principals = [f"arn:aws:iam:::user/{name}" for name in names]
        return {
            "Effect": "Allow", "Principal": {"AWS": principals},
            "Action": actions, "Resource": [f"arn:aws:s3:::{each}" for each in resources],
        }  # fmt: skip

    peers = ("peer0", "peer1")
    # whoever uploads an object owns it: without being named, the owner of the bucket could not read it
    statements = [allow(("owner", *peers), ["s3:GetObject", "s3:ListBucket"], ["run", "run/*"])]
    for index, name in enumerate(peers):
        keys = [f"run/round-*/{kind}-000{index}" for kind in ("peer", "report", "joining")]
        statements.append(allow([name], ["s3:PutObject"], keys))
    policy = {"Version": "2012-10-17", "Statement": statements}
    client.put_bucket_policy(Bucket="run", Policy=json.dumps(policy))
    return users


def bucket_of(environment, monkeypatch, **options):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Bucket("s3://run", **options)


def test_a_peer_reads_everything_and_writes_its_own(users, monkeypatch):
    buckets = {name: bucket_of(users[name], monkeypatch) for name in users}
    for index in (0, 1):
        buckets[f"peer{index}"].put(key_of(0, index), bytes([index]))
    assert buckets["peer0"].get(key_of(0, 1)) == b"\x01"
    assert buckets["peer1"].list("round-000000") == [key_of(0, 0), key_of(0, 1)]
    for key in (key_of(1, 1), "round-000000/selected", "state/after-000000"):
        with pytest.raises(BucketError, match="access was refused"):
            buckets["peer0"].put(key, b"not mine")
    with pytest.raises(KeyTaken):
        buckets["peer0"].put(key_of(0, 0), b"another")
    with pytest.raises(BucketError):
        buckets["peer1"].delete([key_of(0, 0)])
    assert buckets["owner"].get(key_of(0, 0)) == b"\x00"
    buckets["owner"].delete([key_of(0, 0)])
    assert buckets["owner"].list() == [key_of(0, 1)]


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_wrong_key_is_refused_and_not_repeated_in_words(users, monkeypatch, name):
    secret = users["owner"]["AWS_SECRET_ACCESS_KEY"]
    bucket = bucket_of({**users["owner"], name: "wrong"}, monkeypatch)
    with pytest.raises(BucketError, match=r"access was refused.*check AWS_ACCESS_KEY_ID") as caught:
        bucket.get("run")
    assert secret not in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_server_killed_in_mid_upload_leaves_no_half_and_the_upload_goes_through(
    gateway, users, monkeypatch
):
    bucket = bucket_of(users["owner"], monkeypatch, patience=120.0)
    bucket.put("before", b"kept")
    data = os.urandom(1 << 20) * 64
    upload = threading.Thread(target=bucket.put, args=("large", data))
    upload.start()
    time.sleep(0.1)
    gateway.gateway.kill()
    gateway.gateway.wait()
    assert upload.is_alive()
    gateway.open()
    assert "large" not in bucket.list() or bucket.size("large") == len(data)
    upload.join(120)
    assert bucket.get("large") == data
    assert bucket.get("before") == b"kept"
