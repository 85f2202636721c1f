"""Real processes over a real server: killed, joined, never left behind, and the same bytes as in process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
import torch

from locolab import corpus
from locolab.compress import CompressionSpec
from locolab.corpus import CorpusSpec
from locolab.model import shapes
from locolab.network import Bucket
from locolab.network.local_s3 import LocalS3
from locolab.run.engines import Board, Coordinator, Processes, Replica
from locolab.train import Swarm, TrainSpec, wire_for

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two peers, five rounds of SparseLoCo; the processes inherit the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCOLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder, draw = tmp_path_factory.mktemp("text"), random.Random(0)
        for number in range(20):
            words = (f"{draw.choice(('one', 'two', 'ten'))} and {draw.randint(1, 99)}." for _ in range(600))
            (folder / f"{number:02d}.txt").write_text("\n\n".join(words))
        spec = TrainSpec(
            method="sparseloco",
            preset="pico",
            corpus=CorpusSpec(name=f"text:{folder}", vocab_size=300, validation_fraction=0.2),
            n_peers=2,
            local_steps=2,
            rounds=5,
            batch=2,
            evaluate_every=5,
            evaluate_sequences=8,
            checkpoint_every=2,
            compression=CompressionSpec(chunk=64, k=8),
        )
        corpus.load(spec.corpus)
        yield spec


@pytest.fixture(scope="module")
def alone(small):
    swarm = Swarm(small, corpus.load(small.corpus))
    return swarm, [swarm.round() for _ in range(small.rounds)]


@pytest.fixture
def url(monkeypatch):
    with LocalS3() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server.url


def ended(pid, seconds=10):
    """Whether a process is gone within some seconds."""
    end = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_processes_send_the_same_bytes_and_one_killed_comes_back(small, alone, url, tmp_path):
    engine = Processes(url, tmp_path)
    try:
        for index in (0, 1):
            engine.start_peer(index)
        leader = Coordinator(small, Bucket(url), engine, window=200)
        records = [leader.round() for _ in range(3)]
        assert records == alone[1][:3]
        engine._running[1].send_signal(signal.SIGKILL)  # it trains for round 3 already
        assert leader.round().selected == [0]
        assert leader.gathering.outcomes == {0: "ok", 1: "dead"}
        engine.start_peer(1)
        leader.gathering._expected = {0, 1}  # as in the first round: wait until it has started
        assert leader.round().selected == [0, 1]
        assert "2 processes" in engine.resources()
        assert len(leader.board.reported(4, 0).spans) > 4
    finally:
        engine.stop()
    assert engine.poll(0) == set()
    assert "Traceback" not in "".join(path.read_text() for path in tmp_path.glob("*.log"))


def test_peers_end_with_a_parent_that_was_killed(small, url, tmp_path):
    Board(Bucket(url)).announce(small)  # nobody leads it: they wait
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from locolab.run.engines import Processes\n"
        f"engine = Processes({url!r}, Path({str(tmp_path)!r}))\n"
        "engine.start_peer(0)\n"
        "print(engine._running[0].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(1)
        assert psutil.pid_exists(pid)
        parent.send_signal(signal.SIGKILL)
    assert ended(pid, 30)


@pytest.mark.slow
def test_a_hundred_rounds_of_processes_killed_at_random(small, url, tmp_path):
    """Seeded kills at any moment; whoever was killed comes back some rounds later."""
    spec, draw, gone = small.replace(n_peers=3, rounds=100), random.Random(0), {}
    engine, kills = Processes(url, tmp_path), 0

    def opened(number):
        nonlocal kills
        for index in [index for index, back in gone.items() if back <= number]:
            del gone[index]
            engine.start_peer(index)
        if draw.random() < 0.1 and len(gone) < 2:
            victim = draw.choice([index for index in range(3) if index not in gone])
            gone[victim] = number + draw.randint(2, 8)
            engine.prepare(victim)  # its successor
            threading.Timer(0.2 * draw.random(), engine.stop, [victim]).start()
            kills += 1

    try:
        for index in range(3):
            engine.prepare(index)
        engine.settle()
        for index in range(3):
            engine.start_peer(index)
        leader = Coordinator(spec, Bucket(url), engine, window=60, opened=opened, keep_all=True)
        records = leader.run()
    finally:
        engine.stop()
    assert [record.round for record in records] == list(range(100))
    assert kills > 4
    assert len({tuple(record.selected) for record in records}) > 2
    names = shapes(spec.model)
    replica = Replica(spec, leader.board, wire_for(spec, names), names)
    replica.load(0)
    assert replica.catch_up() == 100
    assert torch.equal(replica.theta, leader.swarm.theta)


@pytest.mark.slow
def test_ray_s_actors_send_the_same_bytes(small, alone, url, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
    from locolab.run.engines.actors import RayActors

    engine = RayActors(url, tmp_path)
    try:
        for index in (0, 1):
            engine.start_peer(index)
        leader = Coordinator(small, Bucket(url), engine, window=200)
        assert [leader.round() for _ in range(3)] == alone[1][:3]
        pids = [psutil.Process(pid) for pid in psutil.pids() if "ray::_Host.run" in _title(pid)]
        assert len(pids) == 2
        engine.stop(1)
        assert leader.round().selected == [0]
        assert "actors on 1 nodes" in engine.resources()
    finally:
        engine.stop()
    assert all(ended(process.pid) for process in pids)
    assert torch.isfinite(leader.swarm.theta).all()


def _title(pid):
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def test_the_command_says_what_is_missing(small, url, tmp_path):
    def said(*options, **variables):
        command = [sys.executable, "-m", "locolab", "peer", *options]
        done = subprocess.run(
            command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 3
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "needs AWS_SECRET_ACCESS_KEY" in said("--bucket", url, "--index", "0", AWS_SECRET_ACCESS_KEY="")
    Coordinator(small, Bucket(url), None)
    assert "has the peers 0 to 1, not 2" in said("--bucket", url, "--index", "2")
