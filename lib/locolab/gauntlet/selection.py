"""Selection: who of those that may be aggregated gets a seat."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median_low

from locolab.gauntlet.loss_score import Gains
from locolab.gauntlet.rules import Rules


def seated(listed: Mapping[int, float], valid: Iterable[int], rules: Rules) -> tuple[list[int], list[int]]:
    """Return who is aggregated and who is left over, both by listed score; ties go to the lower peer.

    The best `seats` of all listed peers have a seat, the next `reserves` step in for those whose submission
    is not among the valid ones (tplr-ai/templar v2.1.3, src/tplr/comms.py, gather with reserve).

    >>> rules = Rules(seats=2, reserves=1)
    >>> seated({1: 5.0, 2: 9.0, 3: 4.0, 4: 3.0}, valid=[1, 3, 4], rules=rules)
    ([1, 3], [4])
    """
    fit = set(valid)
    ranked = sorted(listed, key=lambda peer: (-listed[peer], peer))
    present = [peer for peer in ranked[: rules.seats + rules.reserves] if peer in fit]
    chosen = present[: rules.seats]
    return chosen, [peer for peer in ranked if peer in fit and peer not in chosen]


def too_little(gains: Mapping[int, Gains], share: float) -> dict[int, float]:
    """Return the gains on assigned data, by peer, that are below `share` of their lower median.

    A share of 0 asks nothing. Where the median is not positive the round tells nothing and nobody is named
    (one-covenant/templar v2.1.28 waives its rule against repeated losses so). The gain on assigned data tells
    more than that on random data: late in training an honest update helps on what it was trained on in every
    round, elsewhere not.

    >>> too_little({1: Gains(0.008, 0), 2: Gains(0.007, 0), 3: Gains(0.0002, 0)}, share=0.25)
    {3: 0.0002}
    """
    middle = median_low([gain.own for gain in gains.values()]) if gains else 0.0
    floor = share * middle if middle > 0 and share else -math.inf
    return {peer: gain.own for peer, gain in gains.items() if gain.own < floor}
