"""Standing: what a validator remembers of a peer, and how a round changes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median_low

from locolab.gauntlet.rules import Rules, Slash

_NOTHING = 1e-4  # a slashed score below it is 0, as in the public code


@dataclass(frozen=True)
class Standing:
    """A peer's record beside its rating.

    `work`: moving average of assigned work, -1 to 1; `gain`: moving average of its share of the median gain,
    see `selection.gain_shares`; `score`: the final score; `listed`: that score when the
    seats were last handed out; `rated`: how often it was evaluated; `absent`: rounds in a row without a
    submission; `banned`: rounds it still has to stay out.
    """

    work: float = 0.0
    gain: float = 0.0
    score: float = 0.0
    listed: float = 0.0
    rated: int = 0
    absent: int = 0
    banned: int = 0


def final_score(ordinal: float, standing: Standing, sync: float, rules: Rules, typical: float = 1.0) -> float:
    """Return ordinal * max(0, work), times the sync score where the rules say so.

    PeerScore of arXiv 2505.21684; F of tplr-ai/templar v2.1.3, neurons/validator.py. Work that is too little
    beside the `typical` one, see `has_worked`, counts as none.

    >>> from locolab.gauntlet.rules import PAPER, TEMPLAR
    >>> peer = Standing(work=0.5, rated=20)
    >>> final_score(10.0, peer, 0.572, TEMPLAR), final_score(10.0, peer, 0.572, PAPER)
    (2.86, 5.0)
    """
    work = max(0.0, standing.work) if has_worked(standing, rules, typical) else 0.0
    return ordinal * work * (sync if rules.with_sync else 1.0)


def has_worked(standing: Standing, rules: Rules, typical: float = 1.0) -> bool:
    """Return whether a peer's assigned work is above the rules' floor, or too little is known to say.

    Too little of the peer, or of everybody: where even the `typical` (lower median) peer's average is below
    `rules.evidence`, assigned data tell honest work from other work too rarely to exclude anybody by it.

    >>> [has_worked(Standing(work=0.0, rated=20), Rules(), typical) for typical in (0.8, 0.3)]
    [False, True]
    """
    judged = standing.rated >= rules.settled and typical >= rules.evidence
    return not judged or standing.work > rules.work_floor


def typical_work(standings: Iterable[Standing], rules: Rules) -> float:
    """Return the lower median of the averages of all peers that take part and are settled, -1 for none."""
    works = [each.work for each in standings if each.rated >= rules.settled and not each.absent]
    return median_low(works) if works else -1.0


def slashed(standing: Standing, cost: Slash) -> Standing:
    """Return what an event leaves of a standing; only a positive score is cut, and work along with it.

    >>> slashed(Standing(work=0.5, score=8.0), Slash("present", score=0.75, work=0.5))
    Standing(work=0.25, gain=0.0, score=6.0, listed=0.0, rated=0, absent=0, banned=0)
    """
    banned = max(standing.banned, cost.ban)
    if cost.reset:
        return Standing(absent=standing.absent, banned=banned)
    if standing.score <= 0:
        return replace(standing, banned=banned)
    score = standing.score * cost.score
    score = score if score >= _NOTHING else 0.0
    return replace(standing, score=score, work=standing.work * cost.work, banned=banned)
