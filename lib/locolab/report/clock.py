"""Simulated time: a run's own rounds and payloads on the clock of a larger model behind a slow link."""

from __future__ import annotations

import pandas as pd

from locolab.network import Link, round_times

DAY = 86_400
STEP_SECONDS = 20 * 60 / 30
"""Covenant-72B computed 30 inner steps in 20 minutes: arXiv 2603.08163, sections 4.1 and 4.3."""


def simulated_days(table: pd.DataFrame, factor: float, link: Link, step_seconds: float) -> pd.Series:
    """Return the days since the start of each run, row by row of `records.tidy`.

    A round is `local_steps` inner steps of `step_seconds`, then its payload, `factor` times as large as it
    was, goes up, and those of all peers come down (`network.round_times`, nothing overlaps). A method that
    exchanges at every inner step does so with a part of the round's payload each time.

    >>> row = {"arm": "a", "seed": 0, "local_steps": 30, "n_peers": 4, "payload_bytes": 1e6}
    >>> table = pd.DataFrame([row, row])
    >>> days = simulated_days(table, 1e3, Link(up_mbps=80, down_mbps=320), step_seconds=40.0)
    >>> (days * DAY).tolist()  # 1200 of computing, 100 up, 100 down
    [1400.0, 2800.0]
    """

    def seconds(local_steps: int, n_peers: int, payload: float) -> float:
        times = round_times(payload * factor, n_peers, link, local_steps * step_seconds)
        return local_steps * step_seconds + times.communication

    rounds = table[["local_steps", "n_peers", "payload_bytes"]].itertuples(index=False, name=None)
    each = pd.Series([seconds(*row) for row in rounds], index=table.index)
    return each.groupby([table["arm"], table["seed"]]).cumsum() / DAY
