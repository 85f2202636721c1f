"""Cached runs: trained once per configuration and code, resumed after a kill, the same bytes either way."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
import multiprocessing
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import safetensors.torch
from filelock import FileLock
from torch import Tensor
from tqdm.auto import tqdm

from locolab import corpus, provenance
from locolab.config import canonical_json
from locolab.files import cache_dir, sha256, write_atomic
from locolab.model import build
from locolab.train import checkpoint
from locolab.train.arm import Arm
from locolab.train.checkpoint import Checkpoint
from locolab.train.flat import views
from locolab.train.records import RoundRecord, from_lines, to_lines
from locolab.train.spec import TrainSpec
from locolab.train.swarm import Swarm

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

ROOMS = ("compress", "config", "corpus", "model", "network/bucket", "train")
"""Rooms and modules whose code decides a run's bytes; how long links take does not."""

LIBRARIES = ("torch", "transformers", "constriction", "safetensors")
"""Libraries whose version may decide a run's bytes."""

_METRICS, _MODEL, _TIMINGS, _SUMS = "metrics.jsonl", "model.safetensors", "timings.jsonl", "SHA256SUMS.json"
_VERDICTS = "verdicts.jsonl"
_COUNTED = ("live", "submitted", "selected", "refused", "joined")
_log = logging.getLogger("locolab.train")


@dataclasses.dataclass(frozen=True)
class RunResult:
    """A finished run: its specification and the folder that holds everything else."""

    spec: TrainSpec
    directory: Path

    @functools.cached_property
    def rounds(self) -> list[RoundRecord]:
        """The record of every round."""
        return from_lines((self.directory / _METRICS).read_text())

    @property
    def seconds(self) -> float:
        """Seconds of computing, all rounds together; of the last attempt where a round was repeated."""
        return float(sum(sum(row["seconds"].values()) for row in self.timings()))

    def timings(self) -> list[dict[str, Any]]:
        """Return {round, seconds: {what: seconds}} of every round."""
        return _read_rows(self.directory / _TIMINGS)

    def verdicts(self) -> list[dict[str, Any]]:
        """Return the rows in which the validator says why it selected whom; none if it says nothing."""
        return _read_rows(self.directory / _VERDICTS)

    def frame(self) -> pd.DataFrame:
        """Return one row per round: the records' scalars, counts and means over peers, the arm's settings."""
        rows = [
            {
                "method": self.spec.method,
                "seed": self.spec.seed,
                "local_steps": self.spec.local_steps,
                "n_peers": self.spec.n_peers,
                **dataclasses.asdict(record),
                "payload_bytes": sum(record.payload_bytes) / max(1, len(record.payload_bytes)),
                **{name: len(getattr(record, name)) for name in _COUNTED},
            }
            for record in self.rounds
        ]
        return pd.DataFrame(rows).drop(columns="payload_sha256")

    def load_model(self) -> LlamaForCausalLM:
        """Return the trained model, fp32."""
        model = build(self.spec.model, self.spec.seed)
        tensors = safetensors.torch.load_file(self.directory / _MODEL)
        for name, parameter in model.named_parameters():
            parameter.data.copy_(tensors[name])
        return model

    def deltas(self) -> list[dict[str, Tensor]]:
        """Return peer 0's pseudo-gradients of the first `keep_deltas` rounds, by tensor name."""
        return [safetensors.torch.load_file(path) for path in sorted(self.directory.glob("deltas/*"))]


def directory_of(run: TrainSpec | Arm) -> Path:
    """Return where a run is cached: by what decides it, code, text and library versions.

    Code and libraries are those that the run uses: a plain one does not depend on how validators judge.
    """
    arm = Arm.of(run)
    facts = {
        "code": provenance.code_hash((*ROOMS, *arm.rooms)),
        "corpus": corpus.fingerprint(arm.corpus),
        "versions": provenance.versions((*LIBRARIES, *arm.libraries)),
    }
    code = hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:16]
    return cache_dir() / "runs" / f"{arm.hash()}-{code}"


def is_cached(run: TrainSpec | Arm) -> bool:
    """Return whether a run is finished and its files are intact."""
    return _intact(directory_of(run))


def run(run: TrainSpec | Arm, progress: bool = True) -> RunResult:
    """Return a run: from the cache, resumed from its last checkpoint, or trained now.

    One process trains, others wait for it. A cached run whose files have other checksums is trained again,
    with a notice in the log. Raises DiskFullError (the last checkpoint stays usable) and ConfigError.
    """
    arm, directory = Arm.of(run), directory_of(run)
    directory.parent.mkdir(parents=True, exist_ok=True)
    if not _intact(directory):
        with FileLock(directory.with_suffix(".lock")):
            if not _intact(directory):
                _remove_damaged(directory)
                _sweep(directory)
                _train(arm, directory, progress)
    return RunResult(arm.spec, directory)


def run_many(
    runs: Mapping[str, TrainSpec | Arm], jobs: int = 1, progress: bool = True
) -> dict[str, RunResult]:
    """Return several runs by label, `jobs` at a time in processes of their own.

    Every run computes with its own `threads`, so results do not depend on `jobs`. The first failure, with its
    label, is raised when the others are done; those stay in the cache.
    """
    missing = {label: each for label, each in runs.items() if not is_cached(each)}
    if jobs > 1 and len(missing) > 1:
        _fill_cache(missing, jobs, progress)
    return {label: run(each, progress) for label, each in runs.items()}


def _fill_cache(runs: Mapping[str, TrainSpec | Arm], jobs: int, progress: bool) -> None:
    """Train in worker processes; raises the first failure when all are done."""
    context = multiprocessing.get_context("spawn")  # forked children would share torch's thread pools
    with ProcessPoolExecutor(min(jobs, len(runs)), mp_context=context) as pool:
        futures = {pool.submit(run, each, False): label for label, each in runs.items()}
        bar = tqdm(as_completed(futures), total=len(futures), unit="run", disable=not progress)
        for future in bar:
            bar.set_postfix_str(futures[future])
    for future, label in futures.items():
        if error := future.exception():
            error.add_note(f"in the run {label!r}")
            raise error


def _train(arm: Arm, directory: Path, progress: bool) -> None:
    """Train from the last checkpoint, if any, and leave a complete run in `directory`."""
    spec, checkpoints = arm.spec, directory / "checkpoints"
    swarm = Swarm(spec, corpus.load(spec.corpus), **arm.keywords())
    records = _resume(swarm, checkpoints)
    timings, verdicts = (_rows_before(len(records), directory / name) for name in (_TIMINGS, _VERDICTS))
    if spec.keep_deltas:
        swarm.peers[0].observe = functools.partial(_keep_delta, swarm, directory)
    label = f"{spec.method} seed {spec.seed}"
    bar = tqdm(total=spec.rounds, initial=len(records), desc=label, unit="round", disable=not progress)
    with bar:
        while len(records) < spec.rounds:
            records.append(swarm.round())
            timings.append({"round": len(records) - 1, "seconds": swarm.seconds})
            verdicts += [{"round": len(records) - 1, **row} for row in swarm.validator.last]
            bar.update()
            bar.set_postfix(loss=records[-1].train_loss, refresh=False)
            if len(records) % spec.checkpoint_every == 0 and len(records) < spec.rounds:
                _write_rows(directory / _TIMINGS, timings)
                _write_rows(directory / _VERDICTS, verdicts)
                checkpoint.save(checkpoints, Checkpoint(swarm.state(), records))
    _write_rows(directory / _TIMINGS, timings)
    _write_rows(directory / _VERDICTS, verdicts)
    _finish(swarm, arm, directory, records)


def _resume(swarm: Swarm, checkpoints: Path) -> list[RoundRecord]:
    """Return the records so far, the swarm in the state after them."""
    found = checkpoint.load_latest(checkpoints)
    if found is None:
        return []
    swarm.load_state(found.state)
    _log.info("resuming after round %d of %d", len(found.records), swarm.spec.rounds)
    return list(found.records)


def _finish(swarm: Swarm, arm: Arm, directory: Path, records: list[RoundRecord]) -> None:
    """Write what the run leaves; the checksums come last and make it complete."""
    write_atomic(directory / _MODEL, safetensors.torch.save(swarm.parameters()))
    write_atomic(directory / _METRICS, to_lines(records))
    write_atomic(directory / "spec.json", canonical_json(arm.spec.to_dict()))
    if parts := arm.parts():
        write_atomic(directory / "parts.json", canonical_json(parts))
    stamp = provenance.stamp(f"locolab.train.run({arm if parts else arm.spec!r})")
    write_atomic(directory / "provenance.json", json.dumps(stamp, indent=1, sort_keys=True))
    names = (_METRICS, _MODEL, _VERDICTS, "deltas/*.safetensors")
    paths = [path for name in names for path in sorted(directory.glob(name))]
    sums = {path.relative_to(directory).as_posix(): sha256(path) for path in paths}
    write_atomic(directory / _SUMS, canonical_json(sums))
    shutil.rmtree(directory / "checkpoints", ignore_errors=True)


def _intact(directory: Path) -> bool:
    """Return whether a finished run lies here and every file has its recorded checksum."""
    try:
        sums = json.loads((directory / _SUMS).read_text())
        return all(sha256(directory / name) == digest for name, digest in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _remove_damaged(directory: Path) -> None:
    """Remove a finished run that is not intact; an unfinished one stays, to be resumed."""
    if (directory / _SUMS).exists():
        _log.warning("cached run %s is damaged; training it again", directory)
        shutil.rmtree(directory)


def _sweep(directory: Path) -> None:
    """Remove what a killed process left half-written; checkpoints look after their own."""
    for leftover in [*directory.glob(".*.tmp"), *directory.glob("deltas/.*.tmp")]:
        leftover.unlink()


def _keep_delta(swarm: Swarm, directory: Path, number: int, delta: Tensor) -> None:
    if number < swarm.spec.keep_deltas:
        tensors = views(delta, swarm.model.shapes)
        write_atomic(
            directory / "deltas" / f"round-{number:06d}.safetensors", safetensors.torch.save(tensors)
        )


def _read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _rows_before(number: int, path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file that belong to rounds before `number`."""
    return [row for row in _read_rows(path) if row["round"] < number]


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as lines of JSON; a file that would be empty is not written."""
    if text := "".join(canonical_json(row) + "\n" for row in rows):
        write_atomic(path, text)
