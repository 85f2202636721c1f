"""`Gauntlet`: the validator that is handed to the loop; checks, scores, rates and selects, round by round."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from locolab.gauntlet.checks import Verdict
from locolab.gauntlet.loss_score import Gains, assigned_work
from locolab.gauntlet.memory import Memory, from_tensors, to_tensors
from locolab.gauntlet.ratings import Ratings
from locolab.gauntlet.review import Evidence, fast_checks, worth
from locolab.gauntlet.rewards import reward_weights
from locolab.gauntlet.rows import Row, row_of
from locolab.gauntlet.scores import Standing, final_score, has_worked, slashed, typical_work
from locolab.gauntlet.selection import gain_shares, seated, spoils
from locolab.gauntlet.settings import GauntletSpec
from locolab.gauntlet.sync import sync_score
from locolab.train import Submissions, Validator

_SAMPLING = 1  # keeps the draw of whom to score apart from the draws of sequences


class Gauntlet(Validator):
    """A validator (`train.Validator`) built from its settings alone; the same settings, the same verdicts.

    `last` has the rows of the last round, `report` those of all rounds this object has seen. `memory` and
    `ratings` are what it carries from round to round. `wants_probes` asks the loop to let peers publish them.
    """

    def __init__(self, settings: GauntletSpec | None = None) -> None:
        self.settings = settings or GauntletSpec()
        self.wants_probes = self.settings.probes
        self.ratings = Ratings(self.settings.beta, self.settings.tau)
        self.memory = Memory()
        self.report: list[Row] = []
        self.last: list[Row] = []
        self._rules = self.settings.rules

    def review(self, round: Submissions) -> Sequence[int]:
        """Return the peers to be aggregated; every other expected peer gets its reason."""
        theta, memory, peers = round.vector.clone(), self.memory, sorted(set(round.peers))
        memory.history = [theta, *memory.history][: self.settings.history + 1]
        found = fast_checks(round, memory.history, list(memory.before.values()), self.settings)
        memory.before = found.positions
        self._slash(peers, found)
        valid = [p for p in peers if not self._excluding(p, found) and not memory.standings[p].banned]
        gains = worth(round, theta, valid, self._sampled(valid, round.number), self.settings)
        shares = gain_shares(gains)
        self._rate(gains, shares, found)
        typical = typical_work(memory.standings.values(), self._rules)
        reasons = {peer: self._reason(peer, found, shares.get(peer), typical) for peer in peers}
        self._seat(reasons, round.number)
        for peer, reason in reasons.items():
            if reason:
                round.refuse(peer, reason)
        self._note(round.number, found, gains, reasons)
        return [peer for peer, reason in reasons.items() if not reason]

    def state(self) -> dict[str, Tensor]:
        """Return what has to survive a restart, the report apart."""
        return to_tensors(self.memory, self.ratings.state())

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state()` returned."""
        self.memory, rated = from_tensors(state)
        self.ratings.load_state(rated)

    def _slash(self, peers: Sequence[int], found: Evidence) -> None:
        """Let failed checks and absence cost what the rules say; those who left are absent too."""
        rules, standings = self._rules, self.memory.standings
        arrived = sum(found.number(peer, "content") is not None for peer in peers) / max(len(peers), 1)
        for peer in sorted({*standings, *peers}):
            costs = []
            for verdict in found.failed(peer):
                missed = verdict.check in ("present", "window") and arrived < rules.outage
                costs.append(rules.cost("outage" if missed else verdict.check, verdict.number))
            here = bool(found.number(peer, "present"))
            standing = standings.get(peer, Standing())
            absent = 0 if here else standing.absent + 1
            costs += [rules.cost("inactive", absent)]
            standing = dataclasses.replace(standing, absent=absent, banned=max(0, standing.banned - 1))
            for cost in costs:
                standing = slashed(standing, cost)
            if any(cost.reset for cost in costs):
                self.ratings.forget(peer)
            standings[peer] = standing

    def _excluding(self, peer: int, found: Evidence) -> list[Verdict]:
        """Return the failed checks that keep a peer out of the round."""
        return [verdict for verdict in found.failed(peer) if verdict.check in self._rules.excluding]

    def _sampled(self, valid: Sequence[int], number: int) -> Sequence[int]:
        """Return who is scored this round: everybody, or a sample drawn from the validator's seed."""
        sample = self.settings.sample
        if not 0 < sample < len(valid):
            return valid
        generator = np.random.default_rng([self.settings.seed, number, _SAMPLING, sample])
        return sorted(int(peer) for peer in generator.choice(valid, sample, replace=False))

    def _rate(self, gains: Mapping[int, Gains], shares: Mapping[int, float], found: Evidence) -> None:
        """Play the round's match and bring the scores of those who took part up to date."""
        standings = self.memory.standings
        self.ratings.update({peer: gain.random for peer, gain in gains.items()})
        for peer, gain in gains.items():
            old = standings[peer]
            work = assigned_work(old.work, gain.own, gain.random, self.settings.memory)
            gained = self._average_gain(old, shares.get(peer))
            standings[peer] = dataclasses.replace(old, work=work, gain=gained, rated=old.rated + 1)
        typical = typical_work(standings.values(), self._rules)
        for peer in gains:
            ordinal, sync = self.ratings.ordinal(peer), self._sync(peer, found)
            score = final_score(ordinal, standings[peer], sync, self._rules, typical)
            standings[peer] = dataclasses.replace(standings[peer], score=score)

    def _average_gain(self, old: Standing, share: float | None) -> float:
        """Return the moving average after a round; the first value is the average of one."""
        alpha = self.settings.gain_memory if old.rated else 1.0
        return old.gain if share is None else (1 - alpha) * old.gain + alpha * share

    def _sync(self, peer: int, found: Evidence) -> float:
        behind = found.number(peer, "sync")
        return 1.0 if behind is None else sync_score(behind, self.settings.sync_version)

    def _reason(self, peer: int, found: Evidence, share: float | None, typical: float) -> str:
        """Return why a peer may not be aggregated, an empty text where it may."""
        standing = self.memory.standings[peer]
        if failed := self._excluding(peer, found):
            return failed[0].reason
        if standing.banned:
            return f"banned for {standing.banned} rounds"
        if share is not None and spoils(share, standing.gain, self._rules):
            return f"its assigned data gain {share:.2f} of what others' do, {standing.gain:.2f} on average"
        worked = has_worked(standing, self._rules, typical)
        return "" if worked else "gains no more on assigned data than on other"

    def _seat(self, reasons: dict[int, str], number: int) -> None:
        """Give those who find no seat that as their reason."""
        standings = self.memory.standings
        if number % self._rules.refresh == 0:
            for peer, standing in standings.items():
                standings[peer] = dataclasses.replace(standing, listed=standing.score)
        listed = {peer: standings[peer].listed for peer in reasons}
        fit = [peer for peer, reason in reasons.items() if not reason]
        reasons.update(dict.fromkeys(seated(listed, fit, self._rules)[1], "no seat left"))

    def _note(
        self, number: int, found: Evidence, gains: Mapping[int, Gains], reasons: Mapping[int, str]
    ) -> None:
        """Add the round's rows to the report."""
        standings = self.memory.standings
        scores = {peer: standing.score for peer, standing in standings.items()}
        weights = reward_weights(scores, self._rules.scheme)
        self.last = [
            row_of(
                number,
                peer,
                found,
                gains.get(peer),
                standings[peer],
                ordinal=self.ratings.ordinal(peer),
                weight=weights[peer],
                selected=not reason,
                reason=reason,
            )
            for peer, reason in reasons.items()
        ]
        self.report += self.last
