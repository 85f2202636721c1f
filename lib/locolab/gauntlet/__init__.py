"""The Gauntlet: a validator that checks, scores, rates, selects and rewards the peers of a run."""

from locolab.gauntlet.rewards import reward_weights

__all__ = ["reward_weights"]
