"""The Gauntlet: a validator that checks, scores, rates, selects and rewards the peers of a run."""

from locolab.corpus import assignment_seed
from locolab.gauntlet.bounds import largest_move, largest_share
from locolab.gauntlet.checks import CHECKS, Limits, Verdict
from locolab.gauntlet.draws import Draws
from locolab.gauntlet.loss_score import Gains, assigned_work, loss_scores
from locolab.gauntlet.overlap import overlap
from locolab.gauntlet.ratings import Ratings
from locolab.gauntlet.rewards import owners_share, reward_weights
from locolab.gauntlet.rules import MENDED, PAPER, RULES, TEMPLAR, Rules, Slash
from locolab.gauntlet.scores import Standing, final_score
from locolab.gauntlet.settings import GauntletSpec
from locolab.gauntlet.sync import steps_behind, sync_score
from locolab.gauntlet.validator import Gauntlet

__all__ = [
    "CHECKS",
    "MENDED",
    "PAPER",
    "RULES",
    "TEMPLAR",
    "Draws",
    "Gains",
    "Gauntlet",
    "GauntletSpec",
    "Limits",
    "Ratings",
    "Rules",
    "Slash",
    "Standing",
    "Verdict",
    "assigned_work",
    "assignment_seed",
    "final_score",
    "largest_move",
    "largest_share",
    "loss_scores",
    "overlap",
    "owners_share",
    "reward_weights",
    "steps_behind",
    "sync_score",
]
