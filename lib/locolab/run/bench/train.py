"""Speed and memory of a simulated swarm, beside a plain training loop of the same model."""

from __future__ import annotations

import functools
import gc
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import psutil
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch.nn import Parameter
from torch.nn.functional import cross_entropy

from locolab import compress
from locolab.compress import CompressionSpec
from locolab.corpus import Corpus
from locolab.model import build
from locolab.run.bench.timing import Result, Timing, interleaved
from locolab.train import Swarm, TrainSpec, reproducible
from locolab.train.flat import views
from locolab.train.outer import outer_for

_timed = functools.partial(interleaved, clock=time.process_time)

JOINED = 4
"""The second plain loop has this many batches in one: what that many peers train on together."""

Case = Callable[[], object]


def measure(
    presets: Sequence[str] = ("tiny", "nano"),
    peers: Sequence[int] = (1, 4, 16, 64),
    batch: int = 4,
    local_steps: int = 5,
    repeats: int = 3,
) -> Result:
    """Return tokens per second of plain loops and swarms, where a round's time goes, memory per peer.

    Seconds are the processor's, on one thread. The text is random tokens: speed does not depend on which. A
    swarm's case is a whole round of SparseLoCo (k 64 of 4096, 2 bits) without evaluation.
    """
    rows: list[dict[str, Any]] = []
    memory: dict[str, float] = {}
    for preset in presets:
        specs = {count: spec_of(preset, count, batch, local_steps) for count in peers}
        with reproducible(threads=1):
            rows += _speeds(specs, repeats)
        found = _in_a_new_process(_memory, specs[max(peers)])
        memory |= {f"{preset}: memory of a further peer, {what}": value for what, value in found.items()}
    facts = {
        "threads": 1,
        "batch": batch,
        "local_steps": local_steps,
        "ratio_plain": "tokens/s over the plain loop's with one peer's batch",
        "ratio_joined": f"tokens/s over the plain loop's with {JOINED} batches in one",
        "compress_% to outer_%": f"share of a round of {local_steps} inner steps, all peers together",
    }
    return Result(rows, facts | memory)


def spec_of(preset: str, peers: int, batch: int, local_steps: int) -> TrainSpec:
    """Return a run without evaluation in the rounds that are measured."""
    return TrainSpec(
        method="sparseloco",
        preset=preset,
        compression=CompressionSpec(),
        n_peers=peers,
        batch=batch,
        local_steps=local_steps,
        rounds=1_000_000,
        evaluate_every=1_000_000,
    )


def _speeds(specs: Mapping[int, TrainSpec], repeats: int) -> list[dict[str, Any]]:
    """Return the rows of one model: two plain loops, then the swarms."""
    spec = next(iter(specs.values()))
    plain: dict[str, tuple[Case, int]] = {
        "plain loop": (_plain_loop(spec, spec.batch), spec.batch * spec.model.context),
        f"plain loop, {JOINED} batches": (
            _plain_loop(spec, JOINED * spec.batch),
            JOINED * spec.batch * spec.model.context,
        ),
    }
    swarms = {f"R = {count}": Swarm(each, random_text(each)) for count, each in specs.items()}
    cases = {label: case for label, (case, _) in plain.items()}
    timings = _timed(cases | {label: swarm.round for label, swarm in swarms.items()}, repeats)
    tokens = {label: count for label, (_, count) in plain.items()}
    tokens |= {label: swarm.spec.tokens_per_round for label, swarm in swarms.items()}
    speeds = {label: count / timings[label].median for label, count in tokens.items()}
    alone, joined = (speeds[label] for label in plain)
    rows = [
        {
            "model": spec.preset,
            "case": label,
            "tokens_per_s": speed,
            "spread": timings[label].spread,
            "ratio_plain": speed / alone,
            "ratio_joined": speed / joined,
        }
        for label, speed in speeds.items()
    ]
    for row, (label, swarm) in zip(rows[len(plain) :], swarms.items(), strict=True):
        row |= _shares(swarm, timings[label], repeats)
    return rows


def _plain_loop(spec: TrainSpec, batch: int) -> Case:
    """Return a step of the loop anybody would write: transformers' model, fused AdamW, clipping."""
    model = build(spec.model, spec.seed)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=spec.betas, weight_decay=spec.weight_decay, fused=True
    )
    windows = torch.randint(spec.model.vocab_size, (batch, spec.model.context + 1))

    def step() -> None:
        optimizer.zero_grad()
        logits = model(input_ids=windows[:, :-1]).logits
        cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), spec.clip)
        optimizer.step()

    return step


def _shares(swarm: Swarm, round_: Timing, repeats: int) -> dict[str, float]:
    """Return the share of a round's time of everything but the inner steps, in percent."""
    spec, peers = swarm.spec.compression, len(swarm.peers)
    assert spec is not None
    shapes = swarm.model.shapes
    flat = torch.randn(swarm.theta.numel())
    delta, outer = views(flat, shapes), outer_for(swarm.spec, Parameter(swarm.theta.clone()))
    feedback = {name: torch.zeros(shape) for name, shape in shapes.items()}
    update = compress.compress(delta, feedback, spec)
    payload = compress.encode(update)
    updates = [compress.decode(payload, shapes, spec) for _ in range(peers)]
    calls: dict[str, tuple[Case, int]] = {
        "compress": (lambda: compress.compress(delta, feedback, spec), peers),
        "encode": (lambda: compress.encode(update), peers),
        "decode": (lambda: compress.decode(payload, shapes, spec), peers),
        "aggregate": (lambda: compress.aggregate(updates), 1),
        "outer": (lambda: outer.step(flat, 0), 1),
    }
    timings = _timed({name: case for name, (case, _) in calls.items()}, repeats)
    seconds = {name: count * timings[name].median for name, (_, count) in calls.items()}
    return {f"{name}_%": 100 * each / round_.median for name, each in seconds.items()}


def _in_a_new_process(function: Callable[[TrainSpec], dict[str, float]], spec: TrainSpec) -> dict[str, float]:
    """Return function(spec), computed where nothing else has used memory before."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, spec).result()


def _memory(spec: TrainSpec) -> dict[str, float]:
    """Return what each further peer takes, in bytes per parameter: resident, in tensors, and the least.

    The least is two moments and the error feedback in fp32.
    """
    text = random_text(spec)
    small = Swarm(spec.replace(local_steps=1, n_peers=min(4, spec.n_peers)), text)
    small.round()  # whatever is allocated once is there now
    gc.collect()
    before = psutil.Process().memory_info().rss
    large = Swarm(spec.replace(local_steps=1), text)
    large.round()
    resident = psutil.Process().memory_info().rss - before
    numel = large.theta.numel()
    shared = 4 * numel * (2 * len(large.model.rows) + 1)  # the rows with their gradients, theta
    state = sum(4 * tensor.numel() for tensor in large.peers[0].state().values())
    return {
        "resident bytes per parameter": (resident - shared) / len(large.peers) / numel,
        "bytes of tensors per parameter": state / numel,
        "least bytes per parameter": 4.0 * 3,
    }


def random_text(spec: TrainSpec) -> Corpus:
    """Return tokens drawn evenly, enough for every peer to find its own."""
    size = 4096 * spec.model.context + 1
    draw = np.random.default_rng(0).integers(spec.model.vocab_size, size=size, dtype=np.uint16)
    ones = np.ones(spec.model.vocab_size, np.int64)
    return Corpus(spec.corpus, draw, draw, Tokenizer(WordLevel({}, unk_token="")), ones, {}, {})
