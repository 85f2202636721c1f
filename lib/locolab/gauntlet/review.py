"""One round's evidence: every fast check of every submission, and what the valid ones are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from locolab.compress import SparseUpdate
from locolab.compress.aggregation import clip_factors
from locolab.gauntlet import checks
from locolab.gauntlet.checks import CHECKS, Verdict
from locolab.gauntlet.draws import Draws
from locolab.gauntlet.loss_score import Gains, loss_scores
from locolab.gauntlet.positions import flat_update
from locolab.gauntlet.settings import GauntletSpec
from locolab.train import Submissions


@dataclass
class Evidence:
    """What the fast checks found: verdicts by peer and check, positions of what could be read, by peer."""

    verdicts: dict[int, dict[str, Verdict]] = field(default_factory=dict)
    positions: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    def add(self, verdicts: Sequence[Verdict]) -> list[int]:
        """Take verdicts in; return the peers for whom they are good."""
        for verdict in verdicts:
            self.verdicts.setdefault(verdict.peer, {})[verdict.check] = verdict
        return [verdict.peer for verdict in verdicts if verdict.ok]

    def failed(self, peer: int) -> list[Verdict]:
        """Return what a peer failed, in the order of the checks."""
        made = self.verdicts.get(peer, {})
        return [made[check] for check in CHECKS if check in made and not made[check].ok]

    def number(self, peer: int, check: str) -> float | None:
        """Return what a check measured, None where it was not made."""
        verdict = self.verdicts.get(peer, {}).get(check)
        return verdict.number if verdict else None


def fast_checks(
    round: Submissions,
    history: Sequence[Tensor],
    before: Sequence[NDArray[np.int64]],
    settings: GauntletSpec,
) -> Evidence:
    """Return the evidence on a round; a submission that cannot be read is asked nothing further.

    `history`: see `checks.in_sync`; `before`: see `checks.copies`.
    """
    limits, found = settings.limits, Evidence()
    there = found.add(checks.present(round))
    timely = found.add(checks.in_window(round, there, limits))
    readable = found.add(checks.content(round, timely, limits))
    updates = _sparse(round, readable)
    found.positions = {peer: flat_update(update).positions for peer, update in updates.items()}
    found.add(checks.norm_ratios({peer: checks.total_norm(u) for peer, u in updates.items()}, limits))
    if settings.probes:
        found.add(checks.in_sync(round, readable, history, limits))
    times = {peer: round.uploaded(peer) for peer in readable}
    found.add(checks.copies(found.positions, before, times, limits))
    return found


def worth(
    round: Submissions, theta: Tensor, valid: Sequence[int], scored: Sequence[int], settings: GauntletSpec
) -> dict[int, Gains]:
    """Return the gains of the peers to be scored, each clipped as it would be among the valid ones."""
    spec, updates = round.spec, _sparse(round, valid)
    if not scored:
        return {}
    draws = Draws(round.text, spec, round.number, settings.sequences, settings.source, settings.seed)
    factors: dict[int, Mapping[str, np.float32] | None] = dict.fromkeys(valid)
    if spec.norm_clip:
        factors.update(zip(updates, clip_factors(list(updates.values())), strict=True))
    flat = {peer: flat_update(updates[peer], factors[peer]) for peer in scored}
    own = {peer: draws.own(peer) for peer in scored}
    return loss_scores(round.model, theta, flat, own, draws.random(), settings.step * spec.outer_lr)


def _sparse(round: Submissions, peers: Sequence[int]) -> dict[int, SparseUpdate]:
    """Return the updates of peers whose content was checked."""
    found = {peer: round.update(peer) for peer in peers}
    return {peer: update for peer, update in found.items() if isinstance(update, SparseUpdate)}
