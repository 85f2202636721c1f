"""Speed of a validator: scoring everybody beside one peer's training, and looking for copies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locolab.compress import SparseUpdate
from locolab.gauntlet.draws import Draws
from locolab.gauntlet.loss_score import loss_scores
from locolab.gauntlet.overlap import overlaps
from locolab.gauntlet.positions import flat_update
from locolab.run.bench.timing import Result, interleaved
from locolab.run.bench.train import random_text, spec_of
from locolab.train import Swarm, reproducible

SEQUENCES = 8
"""Of assigned and of random data, each: 16 for a peer."""

SAMPLE = 5
"""Peers that a validator with `sample` scores a round, of twenty."""

RUN_SEQUENCES = 30 * 192
"""That one peer trains on in a round of the run: 30 steps (tplr-ai/templar v2.1.3, hparams.json)."""

DENSITY = 64
"""One of so many parameters is sent."""


def measure(
    preset: str = "nano",
    peers: int = 20,
    batch: int = 4,
    local_steps: int = 15,
    parameters: int = 10_000_000,
    repeats: int = 3,
) -> Result:
    """Return the time of one peer's inner steps, of scoring all peers and a sample, and of the overlap.

    Seconds are the processor's, on one thread. The model is untrained and the text random: neither decides
    how long a forward pass takes. `parameters` is the size of the model whose updates are compared.
    """
    with reproducible(threads=1):
        cases = {**_scoring(preset, peers, batch, local_steps), **_overlap(parameters, peers)}
        timings = interleaved(cases, repeats, time.process_time)
    train = timings["one peer's inner steps"].median
    rows: list[dict[str, Any]] = [
        {
            "case": label,
            "time_ms": 1e3 * timing.median,
            "spread": timing.spread,
            **(_beside(timing.median / train, batch * local_steps) if label.startswith("score") else {}),
        }
        for label, timing in timings.items()
    ]
    facts = {
        "preset": preset,
        "batch": batch,
        "local_steps": local_steps,
        "sequences": f"{SEQUENCES} assigned and {SEQUENCES} random for each peer, before and after",
        "threads": 1,
        "of_training_%": "of one peer's inner steps of a round",
        "at_run_%": f"the same if these steps had the run's {RUN_SEQUENCES} sequences",
    }
    return Result(rows, facts)


def _beside(ratio: float, sequences: int) -> dict[str, float]:
    """Return scoring over training in percent, here and with as many sequences as the run trains on."""
    return {"of_training_%": 100 * ratio, "at_run_%": 100 * ratio * sequences / RUN_SEQUENCES}


def _scoring(preset: str, peers: int, batch: int, local_steps: int) -> Mapping[str, Callable[[], object]]:
    spec = spec_of(preset, peers, batch, local_steps)
    swarm = Swarm(spec, random_text(spec))
    peer, theta = swarm.peers[0], swarm.theta
    update = swarm.wire.unpack(peer.pack(peer.train(theta, 0), 0))
    assert isinstance(update, SparseUpdate)
    draws = Draws(swarm.text, spec, 0, SEQUENCES, "trained", seed=0)

    def score(count: int) -> object:
        updates = dict.fromkeys(range(count), flat_update(update))
        own = {each: draws.own(each) for each in updates}
        return loss_scores(swarm.model, theta, updates, own, draws.random(), 0.2)

    return {
        "one peer's inner steps": lambda: peer.train(theta, 0),
        f"score {peers} peers": partial(score, peers),
        f"score a sample of {min(SAMPLE, peers)}": partial(score, min(SAMPLE, peers)),
    }


def _overlap(parameters: int, peers: int) -> Mapping[str, Callable[[], object]]:
    draw = np.random.default_rng(0)
    sets = [_positions(draw, parameters) for _ in range(peers)]
    copies = [*sets[:-1], sets[0]]
    label = f"overlap, {peers} peers, {parameters:,} parameters"
    return {label: partial(overlaps, sets), f"{label}, one a copy": partial(overlaps, copies)}


def _positions(draw: np.random.Generator, parameters: int) -> NDArray[np.int64]:
    """Return distinct positions, ascending: one of every `DENSITY` parameters, wherever in it."""
    first = np.arange(0, parameters - DENSITY + 1, DENSITY)
    return first + draw.integers(DENSITY, size=len(first))
