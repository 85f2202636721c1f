"""Cached runs: trained once, resumed after kill -9, the same bytes whatever happened on the way."""

import errno
import logging
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from locolab import train
from locolab.files import DiskFullError, sha256
from locolab.train import runs


@pytest.fixture
def own_cache(corpus_spec, tmp_path, monkeypatch):
    """A cache that no other test has trained into."""
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fingerprint(result):
    """The bytes of everything a run leaves, clocks apart."""
    names = ["metrics.jsonl", "model.safetensors", "spec.json"]
    deltas = [f"deltas/{path.name}" for path in sorted(result.directory.glob("deltas/*"))]
    return {name: sha256(result.directory / name) for name in [*names, *deltas]}


@pytest.fixture
def no_training(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a swarm was built")

    return lambda: monkeypatch.setattr(runs, "Swarm", refuse)


def test_a_second_call_trains_nothing(spec, own_cache, no_training):
    assert not train.is_cached(spec)
    first = train.run(spec, progress=False)
    assert train.is_cached(spec)
    no_training()
    again = train.run(spec, progress=False)
    assert again.rounds == first.rounds
    assert again.directory == first.directory
    with pytest.raises(AssertionError, match="a swarm was built"):
        train.run(spec.replace(seed=1), progress=False)


def test_the_name_depends_on_specification_code_text_and_versions(spec, corpus_spec, own_cache, monkeypatch):
    name = train.directory_of(spec)
    assert train.directory_of(spec.replace(rounds=5)) != name
    assert train.directory_of(spec) == name
    monkeypatch.setattr(runs.provenance, "code_hash", lambda rooms: "other code")
    assert train.directory_of(spec) != name
    monkeypatch.undo()
    monkeypatch.setattr(runs.provenance, "versions", lambda names: {"torch": "0"})
    assert train.directory_of(spec).name != name.name


def test_what_a_run_leaves(sparse, own_cache):
    result = train.run(sparse.replace(keep_deltas=2), progress=False)
    assert [record.round for record in result.rounds] == [0, 1, 2, 3]
    frame = result.frame()
    assert frame["method"].unique() == ["sparseloco"]
    assert frame["tokens"].is_monotonic_increasing
    assert result.seconds > 0
    assert len(result.timings()) == 4
    assert "seconds" not in (result.directory / "metrics.jsonl").read_text()
    assert not (result.directory / "checkpoints").exists()
    deltas = result.deltas()
    model = result.load_model()
    assert len(deltas) == 2
    assert {k: v.shape for k, v in deltas[0].items()} == {k: v.shape for k, v in model.named_parameters()}
    tokens = torch.zeros(1, 4, dtype=torch.long)
    assert torch.isfinite(model(input_ids=tokens).logits).all()


def test_kept_deltas_are_the_pseudo_gradients(spec, own_cache):
    """With one peer, averaging undoes nothing: theta minus the pseudo-gradients is the trained model."""
    single = spec.replace(n_peers=1, rounds=2, keep_deltas=2)
    result = train.run(single, progress=False)
    first, second = result.deltas()
    start = dict(runs.build(single.model, single.seed).named_parameters())
    for name, parameter in result.load_model().named_parameters():
        torch.testing.assert_close(start[name] - first[name] - second[name], parameter, rtol=0, atol=1e-6)


def damage(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("name", ["metrics.jsonl", "model.safetensors", "SHA256SUMS.json"])
def test_a_damaged_cache_is_made_again(spec, own_cache, name, caplog):
    first = train.run(spec, progress=False)
    before = fingerprint(first)
    damage(first.directory / name)
    with caplog.at_level(logging.WARNING, "locolab.train"):
        again = train.run(spec, progress=False)
    assert "is damaged; training it again" in caplog.text
    assert fingerprint(again) == before


def test_what_a_killed_run_left_half_written_is_removed(spec, own_cache):
    directory = train.directory_of(spec)
    leftovers = [directory / ".timings.jsonl.1a2b3c4d.tmp", directory / "deltas/.round-000000.1a2b3c4d.tmp"]
    for leftover in leftovers:
        leftover.parent.mkdir(parents=True, exist_ok=True)
        leftover.write_text("half")
    train.run(spec, progress=False)
    assert not any(leftover.exists() for leftover in leftovers)


def test_a_full_disk_costs_nothing_that_was_complete(spec, own_cache, monkeypatch, tmp_path):
    write, checkpoints = Path.write_bytes, []

    def full_at_the_third_checkpoint(path, content):
        if path.name.startswith(".swarm.safetensors"):
            checkpoints.append(path)
        if len(checkpoints) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full_at_the_third_checkpoint)
        with pytest.raises(DiskFullError, match="free some space"):
            train.run(spec, progress=False)
    left = sorted(path.name for path in (train.directory_of(spec) / "checkpoints").iterdir())
    assert left == ["after-000001", "after-000002"]
    resumed = fingerprint(train.run(spec, progress=False))
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "other"))
    assert resumed == fingerprint(train.run(spec, progress=False))


CHILD = "import pickle, sys; from locolab.train import run; run(pickle.load(open(sys.argv[1], 'rb')), False)"


def train_until(checkpoint, request_file):
    """Train in a child process and kill it (SIGKILL) as soon as the checkpoint appears."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(request_file)])
    try:
        while not checkpoint.exists():
            assert child.poll() is None, "the run ended before it could be killed"
            time.sleep(0.002)
    finally:
        child.kill()
    assert child.wait() == -signal.SIGKILL


def test_kill_9_changes_no_byte(sparse, own_cache, tmp_path, monkeypatch):
    long = sparse.replace(rounds=40, local_steps=4, keep_deltas=5, outer_momentum=0.5)
    (tmp_path / "spec.pickle").write_bytes(pickle.dumps(long))
    checkpoints = train.directory_of(long) / "checkpoints"
    for rounds in (3, 12):
        train_until(checkpoints / f"after-{rounds:06d}", tmp_path / "spec.pickle")
    assert not (train.directory_of(long) / "metrics.jsonl").exists()
    resumed = train.run(long, progress=False)
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "unbroken"))
    unbroken = train.run(long, progress=False)
    assert resumed.directory != unbroken.directory
    assert fingerprint(resumed) == fingerprint(unbroken)
    assert len(unbroken.timings()) == len(resumed.timings()) == 40


def test_jobs_change_no_byte_and_a_failing_one_spares_the_others(spec, own_cache, tmp_path, monkeypatch):
    (tmp_path / "short.txt").write_text("Far too short.")
    short = spec.corpus.replace(name=f"text:{tmp_path}")
    arms = {"short": spec.replace(corpus=short), "one": spec, "two": spec.replace(seed=1)}
    with pytest.raises(ValueError, match="text") as caught:
        train.run_many(arms, jobs=2, progress=False)
    assert caught.value.__notes__ == ["in the run 'short'"]
    del arms["short"]
    with monkeypatch.context() as patch:
        patch.setattr(runs, "Swarm", None)  # both others are in the cache
        apart = train.run_many(arms, jobs=2, progress=False)
    monkeypatch.setenv("LOCOLAB_CACHE", str(tmp_path / "in turn"))
    in_turn = train.run_many(arms, jobs=1, progress=False)
    assert list(apart) == list(in_turn) == ["one", "two"]
    for label in arms:
        assert fingerprint(apart[label]) == fingerprint(in_turn[label])
