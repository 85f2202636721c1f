"""A checkpoint is complete or absent, and a damaged one gives way to the one before."""

import errno
import logging
from pathlib import Path

import pytest
import torch

from locolab.files import DiskFullError
from locolab.train import RoundRecord, checkpoint
from locolab.train.checkpoint import Checkpoint


def record(number):
    return RoundRecord(
        round=number,
        tokens=10 * number,
        train_loss=1.5,
        validation_loss=None,
        bits_per_byte=None,
        payload_bytes=[3, 0],
        payload_sha256=["ab", ""],
        sent_bytes=1.5,
        selected=[0],
        refused={1: "nothing submitted"},
        kept_values=7,
        update_norm=0.25,
        nonfinite=0,
        resets=0,
    )


def after(rounds):
    state = {
        "swarm": {"theta": torch.full((4,), float(rounds))},
        "peer-0000": {"adamw.step": torch.tensor(3.0)},
    }
    return Checkpoint(state, [record(number) for number in range(rounds)])


@pytest.fixture
def folder(tmp_path):
    for rounds in (1, 2, 3):
        checkpoint.save(tmp_path / "checkpoints", after(rounds))
    return tmp_path / "checkpoints"


def restored(folder):
    found = checkpoint.load_latest(folder)
    return None if found is None else (len(found.records), found.state["swarm"]["theta"][0].item())


def test_a_checkpoint_comes_back_whole(folder):
    found = checkpoint.load_latest(folder)
    assert found.records == after(3).records
    assert found.state.keys() == {"swarm", "peer-0000"}
    assert torch.equal(found.state["swarm"]["theta"], torch.full((4,), 3.0))
    assert found.state["peer-0000"]["adamw.step"].shape == ()


def test_the_newest_two_are_kept(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["after-000002", "after-000003"]


def test_the_same_state_gives_the_same_bytes(folder, tmp_path):
    again = checkpoint.save(tmp_path / "again", after(3))
    for path in (folder / "after-000003").iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: flip(path / "swarm.safetensors"),
        lambda path: flip(path / "records.jsonl"),
        lambda path: (path / "peer-0000.safetensors").unlink(),
        lambda path: (path / "manifest.json").unlink(),
        lambda path: (path / "manifest.json").write_text("[1"),
        lambda path: (path / "manifest.json").write_text("[]"),
        lambda path: (path / "manifest.json").write_text("{}"),
    ],
    ids=["tensor", "records", "missing", "no manifest", "cut manifest", "odd manifest", "empty manifest"],
)
def test_a_damaged_one_gives_way_to_the_one_before(folder, damage, caplog):
    damage(folder / "after-000003")
    with caplog.at_level(logging.WARNING, "locolab.train"):
        assert restored(folder) == (2, 2.0)
    assert "after-000003 is damaged" in caplog.text
    checkpoint.save(folder, after(3))
    assert restored(folder) == (3, 3.0)


def test_without_a_sound_one_there_is_none(folder, caplog):
    for path in folder.iterdir():
        flip(path / "swarm.safetensors")
    with caplog.at_level(logging.WARNING, "locolab.train"):
        assert restored(folder) is None
    assert list(folder.iterdir()) == []
    assert restored(folder / "never made") is None


def test_what_a_killed_process_left_is_removed(folder):
    leftover = folder / ".after-000004.1a2b3c4d.tmp"
    leftover.mkdir()
    (leftover / "swarm.safetensors").write_bytes(b"half")
    assert restored(folder) == (3, 3.0)
    assert not leftover.exists()


@pytest.mark.parametrize("writes_that_fit", [0, 1, 2, 3])
def test_a_full_disk_leaves_the_previous_checkpoint(folder, monkeypatch, writes_that_fit):
    write, written = Path.write_bytes, []

    def full_after(path, content):
        if len(written) == writes_that_fit:
            write(path, content[:1])
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full_after)
    with pytest.raises(DiskFullError, match="no space left"):
        checkpoint.save(folder, after(4))
    monkeypatch.undo()
    assert restored(folder) == (3, 3.0)
    assert sorted(path.name for path in folder.iterdir()) == ["after-000002", "after-000003"]
