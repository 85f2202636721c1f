"""The Gauntlet: a validator that checks, scores, rates, selects and rewards the peers of a run."""

from locolab.corpus import assignment_seed
from locolab.gauntlet.loss_score import assigned_work
from locolab.gauntlet.overlap import overlap
from locolab.gauntlet.ratings import Ratings
from locolab.gauntlet.rewards import reward_weights
from locolab.gauntlet.sync import sync_score

__all__ = [
    "Ratings",
    "assigned_work",
    "assignment_seed",
    "overlap",
    "reward_weights",
    "sync_score",
]
