"""Real bytes through a shaped path: rate, delay, connections that break, and the measured round."""

import socket
import struct
import threading
import time

import pytest

from locolab.network import KeyTaken, Link, round_times
from locolab.network.measured import measure_rounds
from locolab.network.shaped import Pace, ShapedPath
from locolab.network.store import ObjectServer, bucket_at

QUICK = Link(up_mbps=400, down_mbps=800, rtt_ms=20)


def test_the_server_is_a_bucket():
    with ObjectServer() as server:
        bucket = bucket_at(server.address)
        server.place("round-000000/peer-0002", b"placed")
        bucket.put("round-000000/peer-0001", b"first")
        with pytest.raises(KeyTaken):
            bucket.put("round-000000/peer-0001", b"second")
        assert bucket.get("round-000000/peer-0001") == b"first"
        assert bucket.get("round-000000/peer-0002") == b"placed"
        assert bucket.size("round-000000/peer-0002") == 6
        with pytest.raises(KeyError):
            bucket.get("round-000000/peer-0003")


def test_a_pace_keeps_its_rate_whenever_it_is_asked():
    pace, now = Pace(80), 0.0
    for now in (0.0, 0.01, 0.5, 0.51):  # a pause lasts longer than what was queued: that time is lost
        end = pace.leaves(1_000_000, now)
    assert end == pytest.approx(0.7)


def test_bytes_arrive_unchanged_and_not_before_their_time():
    data = bytes(range(256)) * 4096  # 1 MiB
    with ObjectServer() as server, ShapedPath(server.address, QUICK) as path:
        bucket = bucket_at(path.address)
        began = time.perf_counter()
        bucket.put("round-000000/peer-0001", data)
        up = time.perf_counter() - began
        assert bucket.get("round-000000/peer-0001") == data
        down = time.perf_counter() - began - up
    assert QUICK.upload_seconds(len(data)) <= up < 3
    assert QUICK.download_seconds(len(data)) <= down < 3


def test_connections_share_the_rate():
    with ObjectServer() as server, ShapedPath(server.address, Link(400, 160)) as path:
        data, bucket = bytes(1_000_000), bucket_at(path.address)
        for peer in range(4):
            server.place(f"round-000000/peer-{peer:04d}", data)
        began = time.perf_counter()
        threads = [
            threading.Thread(target=bucket.get, args=(f"round-000000/peer-{peer:04d}",)) for peer in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 0.2 <= time.perf_counter() - began < 3  # 4 MB at 20 MB/s


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_connection_that_breaks_harms_no_other(reset, capfd):
    with ObjectServer() as server, ShapedPath(server.address, QUICK) as path:
        with socket.create_connection(path.address) as broken:
            broken.sendall(b"PUT /payloads/x HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000))
            time.sleep(0.05)
            if reset:  # linger for 0 seconds: close() sends RST
                broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        bucket = bucket_at(path.address)
        bucket.put("round-000000/peer-0001", b"still here")
        assert bucket.get("round-000000/peer-0001") == b"still here"
        assert "/payloads/x" not in server.objects
    assert capfd.readouterr().err == ""


def test_a_path_to_nobody_closes_the_connection(capfd):
    with socket.socket() as taken:  # held, so that nobody else gets the port, and never listening
        taken.bind(("127.0.0.1", 0))
        path = ShapedPath(taken.getsockname(), QUICK)
        with path, socket.create_connection(path.address) as client:
            client.settimeout(5)
            assert client.recv(1) == b""
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_measured_round_takes_at_least_what_the_model_says(lanes):
    model = round_times(500_000, 4, QUICK, 0.1, lanes)
    found = list(measure_rounds(QUICK, 500_000, 4, repetitions=2, lanes=lanes, compute_seconds=0.1))
    assert len(found) == 2
    for exchange in found:
        assert exchange.objects == lanes
        assert 0.1 <= exchange.compute < 2
        assert model.upload <= exchange.upload < 3
        assert model.download <= exchange.download < 3
        assert exchange.utilisation == exchange.compute / (exchange.compute + exchange.communication)


@pytest.mark.parametrize(("size", "contributors", "lanes"), [(0, 1, 1), (4, 0, 1), (4, 1, 8), (4, 1, 0)])
def test_a_round_without_bytes_is_refused(size, contributors, lanes):
    with pytest.raises(ValueError, match="at least one"):
        next(measure_rounds(QUICK, size, contributors, lanes=lanes))
