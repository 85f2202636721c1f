"""The validator's report: one tidy row for each peer and round."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from locolab.gauntlet.checks import CHECKS
from locolab.gauntlet.loss_score import Gains
from locolab.gauntlet.review import Evidence
from locolab.gauntlet.scores import Standing

Row = dict[str, Any]
"""JSON-able: what was measured, None where nothing was or where it was not finite."""


def row_of(
    number: int, peer: int, found: Evidence, gains: Gains | None, standing: Standing, **more: Any
) -> Row:
    """Return one row: round, peer, the number of each check, both gains, the standing, `more`.

    Checks by name: `present` 1 or 0, `window` seconds, `content` the norm, `norm` the norm over the median,
    `sync` updates behind, `copy` the share of positions that an earlier upload has.
    """
    row = {
        "round": number,
        "peer": peer,
        **{check: found.number(peer, check) for check in CHECKS},
        "own_gain": gains.own if gains else None,
        "random_gain": gains.random if gains else None,
        **dataclasses.asdict(standing),
        **more,
    }
    return {name: None if _is_odd(value) else value for name, value in row.items()}


def _is_odd(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
