"""The command: a child process decodes mutants, its parent watches for a hang or a crash.

A finding is any exception but PayloadError (a library's panic included), an accepted payload that does not
encode to itself or holds a number that is not finite, a decode that hangs, ends the process, or allocates
more than `_allowed`. It is written to a file, and the exit code is 1.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import re
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from locolab.compress import PayloadError, SparseUpdate, decode, encode
from locolab.files import results_dir, write_atomic
from locolab.run.fuzz.mutants import Subject, mutant
from locolab.run.table import console

Decoder = Callable[..., SparseUpdate]

ACCEPTED = "accepted, and canonical"
TRACED_EVERY = 16  # executions whose allocations are measured: tracing takes as long as decoding
REPORT_EVERY = 500  # executions
SLACK_BYTES = 1 << 16


@dataclasses.dataclass
class Tally:
    """What happened so far."""

    executions: int = 0
    sealed: int = 0
    outcomes: Counter[str] = dataclasses.field(default_factory=Counter)
    most_bytes: int = 0
    found: str | None = None


class FindingError(Exception):
    """The decoder did what it must never do."""


def fuzz(
    executions: int,
    seed: int = 0,
    minutes: float = float("inf"),
    hang_s: float = 60.0,
    decoder: Decoder = decode,
    folder: Path | None = None,
) -> int:
    """Return 0 if the decoder refused or rightly accepted every mutant, otherwise 1; prints what happened.

    Stops after `executions` or `minutes`. The first finding ends it and is written to `folder`
    (results/fuzz). `hang_s`: seconds without progress that count as a hang.
    """
    began = time.monotonic()
    tally = _watch(executions, seed, 60 * minutes, hang_s, decoder)
    _print(tally, time.monotonic() - began)
    if tally.found is None:
        return 0
    subject, blob, _ = mutant(seed, tally.executions)
    path = (folder or results_dir() / "fuzz") / f"payload-{seed}-{tally.executions}.bin"
    write_atomic(path, blob)
    shown = console()
    shown.print(f"mutant {tally.executions} of seed {seed}: {tally.found}", markup=False)
    shown.print(f"written to {path}; codec {subject.codec}, {subject.update.spec}", markup=False)
    return 1


def examine(decoder: Decoder, subject: Subject, blob: bytes, traced: bool) -> tuple[str, int]:
    """Return how a decoder took a payload (ACCEPTED or why not) and the bytes it allocated, 0 if not traced.

    Raises FindingError for what it must never do; exceptions of its own pass through.
    """
    if traced:
        tracemalloc.start()
    try:
        update = decoder(blob, subject.update.shapes, subject.update.spec)
        outcome = ACCEPTED
    except PayloadError as error:
        outcome = _reason(str(error))
    finally:
        peak = tracemalloc.get_traced_memory()[1] if traced else 0
        tracemalloc.stop()
    if peak > _allowed(subject, blob):
        raise FindingError(f"{peak} bytes allocated for a payload of {len(blob)}")
    if outcome == ACCEPTED:
        _check_accepted(update, blob)
    return outcome, peak


def _check_accepted(update: SparseUpdate, blob: bytes) -> None:
    codec = update.backend_reason.split()[3]
    if encode(update, codec) != blob:
        raise FindingError("accepted, but it does not encode to the same bytes")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in update.dense().values()):
        raise FindingError("accepted with a number that is not finite")


def _allowed(subject: Subject, blob: bytes) -> int:
    """Return the bytes that decoding may take: twice the honest payload's, and copies of the mutant."""
    return 2 * _honest_peak(subject) + 3 * len(blob) + SLACK_BYTES


@cache
def _honest_peak(subject: Subject) -> int:
    tracemalloc.start()
    decode(subject.blob, subject.update.shapes, subject.update.spec)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _reason(message: str) -> str:
    """Return a refusal without the names and numbers of the case.

    >>> _reason("tensor 'a': levels do not ascend"), _reason("k differs: expected 5, the payload says 4")
    ('levels do not ascend', 'k differs')
    """
    plain = re.sub(r"^tensor '[^']*': ", "", message)
    return re.sub(r"\(?\d+[\d, ]*\)?", "N", plain.split(": ")[0])


def _watch(executions: int, seed: int, seconds: float, hang_s: float, decoder: Decoder) -> Tally:
    """Return the child's last tally; what it could not say itself is found here."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    at = context.Value("q", -1, lock=False)
    child = context.Process(target=_work, args=(executions, seed, seconds, decoder, at, sender), daemon=True)
    child.start()
    sender.close()
    tally, finished, seen = Tally(), False, -2
    try:
        while not finished:
            if receiver.poll(hang_s if at.value >= 0 else hang_s + 60):  # a child takes a while to begin
                tally, finished = receiver.recv()
            elif at.value == seen:
                return dataclasses.replace(tally, executions=seen, found=f"no progress for {hang_s:g} s")
            else:
                seen = at.value
    except EOFError:
        return dataclasses.replace(tally, executions=at.value, found="the decoder ended the process")
    finally:
        child.kill()
        child.join()
    return tally


def _work(executions: int, seed: int, seconds: float, decoder: Decoder, at: Any, sender: Connection) -> None:
    """Examine mutants one by one, in the child, and send the tally every now and then."""
    torch.set_num_threads(1)
    tally, deadline, at.value = Tally(), time.monotonic() + seconds, 0
    sender.send((tally, False))  # it has begun: from here on the time without progress counts
    for number in range(executions):
        at.value = number
        subject, blob, sealed = mutant(seed, number)
        try:
            outcome, peak = examine(decoder, subject, blob, traced=number % TRACED_EVERY == 0)
        except BaseException as error:  # a panic of a library is no Exception
            tally.found = f"{type(error).__name__}: {error}"
            break
        tally.executions += 1
        tally.sealed += sealed
        tally.outcomes[outcome] += 1
        tally.most_bytes = max(tally.most_bytes, peak)
        if tally.executions % REPORT_EVERY == 0:
            sender.send((tally, False))
            if time.monotonic() > deadline:
                break
    sender.send((tally, True))


def _print(tally: Tally, seconds: float) -> None:
    table = Table("what the decoder said", "mutants")
    for outcome, count in tally.outcomes.most_common():
        table.add_row(outcome, f"{count:,}")
    shown = console()
    shown.print(table)
    share = tally.sealed / max(tally.executions, 1)
    shown.print(
        f"{tally.executions:,} executions in {seconds:.1f} s, {share:.1%} of them with a fitting checksum"
    )
    shown.print(
        f"most bytes allocated by one: {tally.most_bytes:,}; findings: {int(tally.found is not None)}"
    )
