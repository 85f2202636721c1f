"""Simulated time adds up round by round, apart for every run, and follows the bytes."""

import pandas as pd
import pytest

from locolab.config import ConfigError
from locolab.network import Link
from locolab.report.clock import DAY, simulated_days

LINK = Link(up_mbps=8, down_mbps=32)


def rounds(arm, seed, payload, local_steps=10, n=2):
    row = {"arm": arm, "seed": seed, "local_steps": local_steps, "n_peers": 4, "payload_bytes": payload}
    return pd.DataFrame([row] * n)


def test_runs_do_not_share_a_clock():
    table = pd.concat([rounds("a", 0, 1e6), rounds("a", 1, 1e6), rounds("b", 0, 2e6)], ignore_index=True)
    seconds = simulated_days(table, 1.0, LINK, step_seconds=0.3) * DAY
    assert seconds.tolist() == pytest.approx([5, 10, 5, 10, 7, 14])  # 3 of computing, 1 up and 1 down a MB


def test_payloads_grow_with_the_model():
    small, large = (simulated_days(rounds("a", 0, 1e6), factor, LINK, 0.3) for factor in (1.0, 10.0))
    assert (large.iloc[-1] * DAY, small.iloc[-1] * DAY) == pytest.approx((46, 10))


def test_a_step_of_negative_length_is_refused():
    with pytest.raises(ConfigError, match="compute_seconds"):
        simulated_days(rounds("a", 0, 1e6), 1.0, LINK, -1.0)
