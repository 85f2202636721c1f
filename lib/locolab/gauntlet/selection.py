"""Selection: who of those that may be aggregated gets a seat."""

from __future__ import annotations

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


def gain_shares(gains: Mapping[int, Gains]) -> dict[int, float]:
    """Return each peer's gain on assigned data over the round's lower median, cut to -1..1; or nothing.

    A median that is not positive tells nothing, so that nobody is judged in such a round
    (one-covenant/templar v2.1.28 waives its rule against repeated losses so). The gain on assigned data says
    more than that on random data: late in training an honest update helps in every round on what it was
    trained on, elsewhere not.

    >>> gain_shares({1: Gains(0.008, 0), 2: Gains(0.004, 0), 3: Gains(0.001, 0), 4: Gains(0.006, 0)})
    {1: 1.0, 2: 1.0, 3: 0.25, 4: 1.0}
    """
    middle = median_low([gain.own for gain in gains.values()]) if gains else 0.0
    if middle <= 0:
        return {}
    return {peer: max(-1.0, min(1.0, gain.own / middle)) for peer, gain in gains.items()}


def spoils(share: float, average: float, rules: Rules) -> bool:
    """Return whether a share of the median gain, now or on average, is too little to be aggregated.

    One round tells honest slow hardware (a quarter of the steps, shares of -0.1 to 0.5) from noise (-0.5 to
    0.3) not at all; the averages are apart. Harm is told at once: who turns does not wait for it.

    >>> [spoils(now, average, Rules()) for now, average in ((-0.1, 0.2), (0.3, -0.05), (-1.0, 0.9))]
    [False, True, True]
    """
    return rules.gain_share > 0 and (average < rules.gain_share or share < -rules.harm)
